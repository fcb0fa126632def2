/*
 * A library for LD_PRELOAD: it counts the calls by which a process changes files below a directory, and makes one of them a fault.
 *
 *   OB_FAULT_DIRECTORY  absolute path; calls on other files are not counted
 *   OB_FAULT_STATE      a file of 16 bytes, shared by the process and its children: the count, and the first process's id
 *   OB_FAULT_AT         the number of the call, from 1; 0 only counts
 *   OB_FAULT_ACTION     kill: SIGKILL to the first process, before the call is made; or a number: the call fails with that errno
 *   OB_FAULT_LASTING    if it is there, all later calls of the same kind fail, too, as on a full disk
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
  atomic_uint_fast64_t count;
  atomic_uint_fast64_t process;
};

static struct state *state;
static char directory[PATH_MAX];
static size_t directory_length;
static uint64_t fault_at;
static int fault_errno; /* 0: kill */
static int lasting;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("OB_FAULT_STATE");
  const char *below = getenv("OB_FAULT_DIRECTORY");
  const char *at = getenv("OB_FAULT_AT");
  const char *action = getenv("OB_FAULT_ACTION");
  if (!path || !below) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared == MAP_FAILED) return;
  snprintf(directory, sizeof directory, "%s/", below);
  directory_length = strlen(directory);
  fault_at = at ? strtoull(at, NULL, 10) : 0;
  fault_errno = action && strcmp(action, "kill") != 0 ? atoi(action) : 0;
  lasting = getenv("OB_FAULT_LASTING") != NULL;
  state = shared;
  uint_fast64_t none = 0;
  atomic_compare_exchange_strong(&state->process, &none, (uint_fast64_t)getpid());
}

/* True if the call is to fail; errno is set then. */
static int counts(void) {
  uint64_t number = atomic_fetch_add(&state->count, 1) + 1;
  if (fault_at == 0) return 0;
  if (number == fault_at && fault_errno == 0) {
    pid_t process = (pid_t)atomic_load(&state->process);
    kill(process, SIGKILL);
    if (process != getpid()) return 0;
    for (;;) pause();
  }
  if (fault_errno == 0 || !(number == fault_at || (lasting && number > fault_at))) return 0;
  errno = fault_errno;
  return 1;
}

static int is_below(int at, const char *path) {
  char full[PATH_MAX * 2];
  if (!state || !path) return 0;
  if (path[0] == '/') return strncmp(path, directory, directory_length) == 0;
  char link[64];
  if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
  ssize_t length = readlink(link, full, PATH_MAX - 1);
  if (length < 0) return 0;
  snprintf(full + length, sizeof full - (size_t)length, "/%s", path);
  return strncmp(full, directory, directory_length) == 0;
}

static int is_file_below(int file) {
  char link[64], full[PATH_MAX];
  if (!state) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, full, sizeof full - 1);
  if (length < 0) return 0;
  full[length] = 0;
  return strncmp(full, directory, directory_length) == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define PATH_FAULT(at, path) (is_below(at, path) && counts())
#define FILE_FAULT(file) (is_file_below(file) && counts())

int fsync(int file) { return FILE_FAULT(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return FILE_FAULT(file) ? -1 : REAL(fdatasync)(file); }
int ftruncate(int file, off_t n) { return FILE_FAULT(file) ? -1 : REAL(ftruncate)(file, n); }
int ftruncate64(int file, off64_t n) { return FILE_FAULT(file) ? -1 : REAL(ftruncate64)(file, n); }
int fallocate(int file, int mode, off_t o, off_t n) { return FILE_FAULT(file) ? -1 : REAL(fallocate)(file, mode, o, n); }
int fallocate64(int file, int mode, off64_t o, off64_t n) { return FILE_FAULT(file) ? -1 : REAL(fallocate64)(file, mode, o, n); }
ssize_t write(int file, const void *b, size_t n) { return FILE_FAULT(file) ? -1 : REAL(write)(file, b, n); }
ssize_t writev(int file, const struct iovec *v, int n) { return FILE_FAULT(file) ? -1 : REAL(writev)(file, v, n); }
ssize_t pwrite(int file, const void *b, size_t n, off_t o) { return FILE_FAULT(file) ? -1 : REAL(pwrite)(file, b, n, o); }
ssize_t pwrite64(int file, const void *b, size_t n, off64_t o) { return FILE_FAULT(file) ? -1 : REAL(pwrite64)(file, b, n, o); }
ssize_t pwritev(int file, const struct iovec *v, int n, off_t o) { return FILE_FAULT(file) ? -1 : REAL(pwritev)(file, v, n, o); }
ssize_t pwritev64(int file, const struct iovec *v, int n, off64_t o) { return FILE_FAULT(file) ? -1 : REAL(pwritev64)(file, v, n, o); }
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t n, unsigned f) {
  return FILE_FAULT(to) ? -1 : REAL(copy_file_range)(from, a, to, b, n, f);
}

int rename(const char *a, const char *b) { return PATH_FAULT(AT_FDCWD, b) ? -1 : REAL(rename)(a, b); }
int renameat(int x, const char *a, int y, const char *b) { return PATH_FAULT(y, b) ? -1 : REAL(renameat)(x, a, y, b); }
int renameat2(int x, const char *a, int y, const char *b, unsigned f) { return PATH_FAULT(y, b) ? -1 : REAL(renameat2)(x, a, y, b, f); }
int link(const char *a, const char *b) { return PATH_FAULT(AT_FDCWD, b) ? -1 : REAL(link)(a, b); }
int linkat(int x, const char *a, int y, const char *b, int f) { return PATH_FAULT(y, b) ? -1 : REAL(linkat)(x, a, y, b, f); }
int symlink(const char *a, const char *b) { return PATH_FAULT(AT_FDCWD, b) ? -1 : REAL(symlink)(a, b); }
int unlink(const char *a) { return PATH_FAULT(AT_FDCWD, a) ? -1 : REAL(unlink)(a); }
int unlinkat(int x, const char *a, int f) { return PATH_FAULT(x, a) ? -1 : REAL(unlinkat)(x, a, f); }
int rmdir(const char *a) { return PATH_FAULT(AT_FDCWD, a) ? -1 : REAL(rmdir)(a); }
int mkdir(const char *a, mode_t m) { return PATH_FAULT(AT_FDCWD, a) ? -1 : REAL(mkdir)(a, m); }
int mkdirat(int x, const char *a, mode_t m) { return PATH_FAULT(x, a) ? -1 : REAL(mkdirat)(x, a, m); }

/* Only what makes files counts; a mode follows the flags then. */
#define OPENS(name)                                                                        \
  int name(const char *path, int flags, ...) {                                             \
    va_list rest;                                                                          \
    va_start(rest, flags);                                                                 \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                \
    va_end(rest);                                                                          \
    return (flags & O_CREAT) && PATH_FAULT(AT_FDCWD, path) ? -1 : REAL(name)(path, flags, mode); \
  }
#define OPENS_AT(name)                                                                     \
  int name(int at, const char *path, int flags, ...) {                                     \
    va_list rest;                                                                          \
    va_start(rest, flags);                                                                 \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                \
    va_end(rest);                                                                          \
    return (flags & O_CREAT) && PATH_FAULT(at, path) ? -1 : REAL(name)(at, path, flags, mode); \
  }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

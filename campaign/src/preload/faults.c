/*
 * A library for LD_PRELOAD: it counts the calls by which a process changes files below a directory, and makes one of them a fault.
 *
 *   OB_FAULT_DIRECTORY  absolute path; calls on other files are not counted
 *   OB_FAULT_STATE      a file of 16 bytes, shared by the process and its children: the count, and the first process's id
 *   OB_FAULT_AT         the number of the call, from 1; 0 only counts
 *   OB_FAULT_ACTION     kill: SIGKILL to the first process, before the call is made; or a number: the call fails with that errno
 *   OB_FAULT_LASTING    if it is there, all later calls of the same kind fail, too, as on a full disk
 *   OB_FAULT_RECORD     a file to which each call that succeeded is appended, see record.h
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
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

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
static int recording = -1; /* a descriptor; see record.h */

static int open_record(const char *path);

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
  const char *record = getenv("OB_FAULT_RECORD");
  if (record) recording = open_record(record);
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

/* The absolute path; empty if it is not known. */
static void resolve(int at, const char *path, char *full) {
  full[0] = 0;
  if (path[0] == '/') {
    snprintf(full, PATH_MAX * 2, "%s", path);
    return;
  }
  char link[64];
  if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
  ssize_t length = readlink(link, full, PATH_MAX - 1);
  if (length < 0) {
    full[0] = 0;
    return;
  }
  snprintf(full + length, PATH_MAX * 2 - (size_t)length, "/%s", path);
}

static int is_below(int at, const char *path) {
  char full[PATH_MAX * 2];
  if (!state || !path) return 0;
  resolve(at, path, full);
  return strncmp(full, directory, directory_length) == 0;
}

static int is_file_below(int file) {
  char link[64], full[PATH_MAX];
  if (!state) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, full, sizeof full - 1);
  if (length < 0) return 0;
  full[length] = 0;
  /* A flush of the directory itself counts, too. */
  return strncmp(full, directory, directory_length) == 0 ||
         ((size_t)length + 1 == directory_length && strncmp(full, directory, (size_t)length) == 0);
}


#define PATH_FAULT(at, path) (is_below(at, path) && counts())
#define FILE_FAULT(file) (is_file_below(file) && counts())

#include "record.h"

/* A call on an open file: it fails, or is made and recorded. */
#define ON_FILE(type, file, call, record)                     \
  do {                                                        \
    if (!is_file_below(file)) return call;                    \
    if (counts()) return -1;                                  \
    type result = call;                                       \
    if (recording >= 0 && result >= 0) record;                     \
    return result;                                            \
  } while (0)

int fsync(int file) { ON_FILE(int, file, REAL(fsync)(file), record_sync(file)); }
int fdatasync(int file) { ON_FILE(int, file, REAL(fdatasync)(file), record_sync(file)); }
int ftruncate(int file, off_t n) { ON_FILE(int, file, REAL(ftruncate)(file, n), record_size(file, n)); }
int ftruncate64(int file, off64_t n) { ON_FILE(int, file, REAL(ftruncate64)(file, n), record_size(file, n)); }
int fallocate(int file, int mode, off_t o, off_t n) { ON_FILE(int, file, REAL(fallocate)(file, mode, o, n), record_range(file, o, n)); }
int fallocate64(int file, int mode, off64_t o, off64_t n) { ON_FILE(int, file, REAL(fallocate64)(file, mode, o, n), record_range(file, o, n)); }
ssize_t write(int file, const void *b, size_t n) {
  if (recording >= 0 && file == 1 && is_first_process()) record_words(b, n);
  ON_FILE(ssize_t, file, REAL(write)(file, b, n), record_written(file, result));
}
ssize_t writev(int file, const struct iovec *v, int n) { ON_FILE(ssize_t, file, REAL(writev)(file, v, n), record_written(file, result)); }
ssize_t pwrite(int file, const void *b, size_t n, off_t o) { ON_FILE(ssize_t, file, REAL(pwrite)(file, b, n, o), record_range(file, o, result)); }
ssize_t pwrite64(int file, const void *b, size_t n, off64_t o) { ON_FILE(ssize_t, file, REAL(pwrite64)(file, b, n, o), record_range(file, o, result)); }
ssize_t pwritev(int file, const struct iovec *v, int n, off_t o) { ON_FILE(ssize_t, file, REAL(pwritev)(file, v, n, o), record_range(file, o, result)); }
ssize_t pwritev64(int file, const struct iovec *v, int n, off64_t o) { ON_FILE(ssize_t, file, REAL(pwritev64)(file, v, n, o), record_range(file, o, result)); }
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t n, unsigned f) {
  ON_FILE(ssize_t, to, REAL(copy_file_range)(from, a, to, b, n, f), b ? record_range(to, *b - result, result) : record_written(to, result));
}
/* Node.js copies files by the number of this call. */
long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_copy_file_range)
    return copy_file_range((int)a[0], (off64_t *)a[1], (int)a[2], (off64_t *)a[3], (size_t)a[4], (unsigned)a[5]);
  return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
ssize_t sendfile(int to, int from, off_t *a, size_t n) { ON_FILE(ssize_t, to, REAL(sendfile)(to, from, a, n), record_written(to, result)); }
ssize_t sendfile64(int to, int from, off64_t *a, size_t n) { ON_FILE(ssize_t, to, REAL(sendfile64)(to, from, a, n), record_written(to, result)); }

/* What was written by the functions of stdio.h is known here at the latest. */
int fclose(FILE *stream) {
  int file = fileno(stream);
  struct stat found;
  if (recording >= 0 && file >= 0 && is_file_below(file) && (fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY) {
    fflush(stream);
    if (fstat(file, &found) == 0) record_range(file, 0, found.st_size);
  }
  return REAL(fclose)(stream);
}

/* A call on a path, likewise. */
#define ON_PATH(at, path, call, record)                       \
  do {                                                        \
    if (!is_below(at, path)) return call;                     \
    if (counts()) return -1;                                  \
    int result = call;                                        \
    if (recording >= 0 && result >= 0) record;                     \
    return result;                                            \
  } while (0)

int rename(const char *a, const char *b) { ON_PATH(AT_FDCWD, b, REAL(rename)(a, b), record_two('R', AT_FDCWD, a, AT_FDCWD, b)); }
int renameat(int x, const char *a, int y, const char *b) { ON_PATH(y, b, REAL(renameat)(x, a, y, b), record_two('R', x, a, y, b)); }
int renameat2(int x, const char *a, int y, const char *b, unsigned f) { ON_PATH(y, b, REAL(renameat2)(x, a, y, b, f), record_two(f & 2 ? 'E' : 'R', x, a, y, b)); }
int link(const char *a, const char *b) { ON_PATH(AT_FDCWD, b, REAL(link)(a, b), record_two('L', AT_FDCWD, a, AT_FDCWD, b)); }
int linkat(int x, const char *a, int y, const char *b, int f) { ON_PATH(y, b, REAL(linkat)(x, a, y, b, f), record_two('L', x, a, y, b)); }
int symlink(const char *a, const char *b) { ON_PATH(AT_FDCWD, b, REAL(symlink)(a, b), record_made('Y', AT_FDCWD, b, a)); }
int unlink(const char *a) { ON_PATH(AT_FDCWD, a, REAL(unlink)(a), record_made('U', AT_FDCWD, a, "")); }
int unlinkat(int x, const char *a, int f) { ON_PATH(x, a, REAL(unlinkat)(x, a, f), record_made('U', x, a, "")); }
int rmdir(const char *a) { ON_PATH(AT_FDCWD, a, REAL(rmdir)(a), record_made('U', AT_FDCWD, a, "")); }
int mkdir(const char *a, mode_t m) { ON_PATH(AT_FDCWD, a, REAL(mkdir)(a, m), record_made('D', AT_FDCWD, a, "")); }
/* The name is known afterwards only. */
char *mkdtemp(char *name) {
  if (!is_below(AT_FDCWD, name)) return REAL(mkdtemp)(name);
  if (counts()) return NULL;
  char *made = REAL(mkdtemp)(name);
  if (recording >= 0 && made) record_made('D', AT_FDCWD, made, "");
  return made;
}
int mkdirat(int x, const char *a, mode_t m) { ON_PATH(x, a, REAL(mkdirat)(x, a, m), record_made('D', x, a, "")); }

/* Only what makes or empties files counts; a mode follows the flags of what makes one. */
#define OPENS(name, at, at_parameter, at_argument)                                         \
  int name(at_parameter const char *path, int flags, ...) {                                \
    va_list rest;                                                                          \
    va_start(rest, flags);                                                                 \
    mode_t mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                          \
    if (!(flags & (O_CREAT | O_TRUNC))) return REAL(name)(at_argument path, flags, mode);  \
    ON_PATH(at, path, REAL(name)(at_argument path, flags, mode), record_opened(result, at, path, flags)); \
  }
#define AT_PARAMETER int at,
#define AT_ARGUMENT at,
OPENS(open, AT_FDCWD, , )
OPENS(open64, AT_FDCWD, , )
OPENS(openat, at, AT_PARAMETER, AT_ARGUMENT)
OPENS(openat64, at, AT_PARAMETER, AT_ARGUMENT)

/*
 * Each call that succeeded, in the order of their ends, as one append to a file:
 *
 *   KIND INODE OFFSET LENGTH\0PATH\0OTHER\0BYTES
 *
 *   C  a file was made or opened to be made; INODE is its number     O  a file was emptied as it was opened
 *   D  a directory was made                                          Y  a symbolic link to OTHER was made
 *   R  PATH was renamed to OTHER                                     E  PATH and OTHER were exchanged
 *   L  PATH got the second name OTHER                                U  PATH was removed
 *   W  LENGTH bytes at OFFSET are BYTES now                          T  the size is OFFSET now
 *   S  a file or directory was flushed                               X  the first process wrote BYTES to its standard output
 *
 * What is written is read back from the file, so that one form serves writes, copies and holes.
 */

static int open_record(const char *path) {
  int file = REAL(open)(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  /* Programs count on low descriptors. */
  int high = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 200);
  if (file >= 0) close(file);
  return high;
}

static int is_first_process(void) { return (pid_t)atomic_load(&state->process) == getpid(); }

struct record {
  char kind;
  unsigned long long inode;
  long long offset;
  const char *path;
  const char *other;
  const void *bytes;
  size_t length;
};

static void append(struct record r) {
  int before = errno;
  char head[128];
  int length = snprintf(head, sizeof head, "%c %llu %lld %zu", r.kind, r.inode, r.offset, r.length);
  const char *path = r.path ? r.path : "", *other = r.other ? r.other : "";
  struct iovec parts[] = {
      {head, (size_t)length + 1},
      {(char *)path, strlen(path) + 1},
      {(char *)other, strlen(other) + 1},
      {(void *)r.bytes, r.length},
  };
  REAL(writev)(recording, parts, r.bytes ? 4 : 3);
  errno = before;
}

static unsigned long long inode_of(int file) {
  struct stat found;
  return fstat(file, &found) == 0 ? (unsigned long long)found.st_ino : 0;
}

static unsigned long long inode_at(const char *path) {
  struct stat found;
  return lstat(path, &found) == 0 ? (unsigned long long)found.st_ino : 0;
}

static void record_sync(int file) { append((struct record){.kind = 'S', .inode = inode_of(file)}); }

static void record_size(int file, long long size) {
  append((struct record){.kind = 'T', .inode = inode_of(file), .offset = size});
}

static void record_range(int file, long long offset, long long length) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  int reader = REAL(open)(link, O_RDONLY | O_CLOEXEC);
  char *bytes = malloc(length > 0 ? (size_t)length : 1);
  ssize_t got = reader >= 0 && bytes ? pread(reader, bytes, (size_t)length, offset) : -1;
  if (reader >= 0) close(reader);
  append((struct record){.kind = 'W', .inode = inode_of(file), .offset = offset, .bytes = bytes, .length = got > 0 ? (size_t)got : 0});
  free(bytes);
}

static void record_written(int file, long long length) {
  record_range(file, lseek(file, 0, SEEK_CUR) - length, length);
}

static void record_words(const void *bytes, size_t length) {
  append((struct record){.kind = 'X', .bytes = bytes, .length = length});
}

static void record_two(char kind, int x, const char *a, int y, const char *b) {
  char from[PATH_MAX * 2], to[PATH_MAX * 2];
  resolve(x, a, from);
  resolve(y, b, to);
  append((struct record){.kind = kind, .inode = inode_at(to), .path = from, .other = to});
}

static void record_made(char kind, int at, const char *path, const char *other) {
  char full[PATH_MAX * 2];
  resolve(at, path, full);
  append((struct record){.kind = kind, .inode = kind == 'U' ? 0 : inode_at(full), .path = full, .other = other});
}

static void record_opened(int file, int at, const char *path, int flags) {
  char full[PATH_MAX * 2];
  resolve(at, path, full);
  if (flags & O_CREAT) append((struct record){.kind = 'C', .inode = inode_of(file), .path = full});
  if (flags & O_TRUNC) append((struct record){.kind = 'O', .inode = inode_of(file)});
}

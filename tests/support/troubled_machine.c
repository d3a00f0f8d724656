// SPDX-License-Identifier: Apache-2.0
/* Loaded before a program (LD_PRELOAD), this gives it a machine in trouble: its
 * clock is set, or its disk is full, while it runs. For tests.
 *
 * SKEWED_CLOCK_SECONDS  by how much the clock is wrong from the start
 * TROUBLE_FILE          a `struct trouble` by which a test steers; it is mapped
 * FULL_DISK_FILES       a pattern (fnmatch) of what a full disk takes no bytes
 * for
 *
 * What the hour is changes, not how time passes; waits until some hour move
 * too, those under way included, as where the kernel's own clock is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct trouble { int64_t skew_seconds, disk_is_full; } none;
static const volatile struct trouble* steered = &none;
static time_t first_skew;
static const char* full_disk_files;

__attribute__((constructor)) static void begin(void) {
  const char* seconds = getenv("SKEWED_CLOCK_SECONDS");
  const char* path = getenv("TROUBLE_FILE");
  if (seconds != NULL) first_skew = (time_t)strtol(seconds, NULL, 10);
  full_disk_files = getenv("FULL_DISK_FILES");
  if (path == NULL) return;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  void* map = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
  if (map == MAP_FAILED) abort(); /* without its trouble a test shows nothing */
  close(file);
  steered = map;
}

static long next_syscall(long number, const long a[6]) {
  static long (*next)(long, ...);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "syscall");
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static time_t skew(void) { return first_skew + (time_t)steered->skew_seconds; }

/* The kernel's clock is not set: the hour is compared again every second. */
static long wait_until(long a[6]) {
  const struct timespec* until = (const struct timespec*)a[3];
  struct timespec end = *until, now;
  next_syscall(SYS_clock_gettime, (long[6]){CLOCK_REALTIME, (long)&now});
  const bool is_far = until->tv_sec > now.tv_sec + skew() + 1;
  end.tv_sec = is_far ? now.tv_sec + 1 : until->tv_sec - skew();
  a[3] = (long)&end;
  const long result = next_syscall(SYS_futex, a);
  if (is_far && result < 0 && errno == ETIMEDOUT) errno = EINTR;
  return result;
}

long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; ++i) a[i] = va_arg(rest, long);
  va_end(rest);
  const bool is_hour = number == SYS_futex && (a[1] & FUTEX_CLOCK_REALTIME);
  return is_hour && a[3] != 0 ? wait_until(a) : next_syscall(number, a);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const long result =
      next_syscall(SYS_clock_gettime, (long[6]){clock, (long)now});
  const bool is_hour =
      clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_hour) now->tv_sec += skew();
  return (int)result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  struct timespec precise;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &precise);
  *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* out) {
  struct timeval now;
  gettimeofday(&now, NULL);
  return out == NULL ? now.tv_sec : (*out = now.tv_sec);
}

static bool is_refused(int file) {
  char link[32], path[4096] = "";
  if (!steered->disk_is_full || full_disk_files == NULL) return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (readlink(link, path, sizeof path - 1) < 0) return false;
  if (fnmatch(full_disk_files, path, FNM_EXTMATCH) != 0) return false;
  errno = ENOSPC;
  return true;
}

ssize_t write(int file, const void* bytes, size_t size) {
  if (is_refused(file)) return -1;
  return next_syscall(SYS_write, (long[6]){file, (long)bytes, (long)size});
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  if (is_refused(file)) return -1;
  return next_syscall(SYS_pwrite64,
                      (long[6]){file, (long)bytes, (long)size, offset});
}

/* What a disk keeps when the power fails, for a program that this library is preloaded into.
 *
 * Each file in PLUG_DIRECTORY has a shadow in PLUG_SHADOW, named after its inode: the file as it was when the program
 * last had it brought to the disk, by fsync or fdatasync. The list `names` there has the directory as it was when that
 * was: name and inode, one a line. The shadow is done before the program learns that its file is on the disk, so
 * whatever it promises then, the shadows must bear out. The disk takes PLUG_LATENCY microseconds for it.
 *
 * While the file PLUG_READ_ONLY is there, PLUG_DIRECTORY is read-only, as a file system becomes that finds an error in
 * itself: what is open stays open, and writing fails.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void fail(const char *what) {
    perror(what);
    abort();
}

static int is_within(const char *path) {
    const char *directory = getenv("PLUG_DIRECTORY");
    size_t length = directory ? strlen(directory) : 0;
    return length && strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_watched(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    return is_within(path);
}

static int is_read_only(void) {
    const char *flag = getenv("PLUG_READ_ONLY");
    int saved = errno, is_so = flag && access(flag, F_OK) == 0;
    errno = saved;
    return is_so;
}

static int may_write(int file) {
    if (!is_read_only() || !is_watched(file))
        return 1;
    errno = EROFS;
    return 0;
}

/* Through the program's own descriptor: to close another one of the same file would drop the program's locks on it. */
static void copy(int file, const char *to) {
    static _Thread_local char buffer[1 << 16];
    int shadow = REAL(open)(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (shadow < 0)
        fail("plug: the shadow");
    off_t at = 0;
    ssize_t got;
    while ((got = pread(file, buffer, sizeof buffer, at)) > 0) {
        if (REAL(pwrite)(shadow, buffer, got, at) != got)
            fail("plug: the shadow");
        at += got;
    }
    if (got < 0 || REAL(ftruncate)(shadow, at))
        fail("plug: the shadow");
    close(shadow);
}

static void list(const char *shadow) {
    char next[PATH_MAX], names[PATH_MAX];
    snprintf(next, sizeof next, "%s/names.next", shadow);
    snprintf(names, sizeof names, "%s/names", shadow);
    DIR *directory = opendir(getenv("PLUG_DIRECTORY"));
    FILE *file = fopen(next, "w");
    if (!directory || !file)
        fail("plug: the list");
    struct dirent *entry;
    while ((entry = readdir(directory)))
        if (entry->d_type == DT_REG)
            fprintf(file, "%s %lu\n", entry->d_name, (unsigned long)entry->d_ino);
    closedir(directory);
    if (fclose(file) || REAL(rename)(next, names))
        fail("plug: the list");
}

static int synced(int file, int result) {
    const char *shadow = getenv("PLUG_SHADOW"), *latency = getenv("PLUG_LATENCY");
    if (result != 0 || !shadow || !is_watched(file))
        return result;
    int saved = errno;
    usleep(latency ? atoi(latency) : 0);
    struct stat found;
    if (fstat(file, &found))
        fail("plug: what was synced");
    if (S_ISDIR(found.st_mode)) {
        list(shadow);
    } else {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%lu", shadow, (unsigned long)found.st_ino);
        copy(file, path);
    }
    errno = saved;
    return result;
}

int fsync(int file) { return may_write(file) ? synced(file, REAL(fsync)(file)) : -1; }
int fdatasync(int file) { return may_write(file) ? synced(file, REAL(fdatasync)(file)) : -1; }

ssize_t write(int file, const void *data, size_t size) { return may_write(file) ? REAL(write)(file, data, size) : -1; }
ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    return may_write(file) ? REAL(pwrite)(file, data, size, at) : -1;
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    return may_write(file) ? REAL(pwrite64)(file, data, size, at) : -1;
}
int ftruncate(int file, off_t size) { return may_write(file) ? REAL(ftruncate)(file, size) : -1; }
int ftruncate64(int file, off64_t size) { return may_write(file) ? REAL(ftruncate64)(file, size) : -1; }

static int may_open(const char *path, int flags) {
    int is_to_write = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
    if (!is_to_write || !is_within(path) || !is_read_only())
        return 1;
    errno = EROFS;
    return 0;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return may_open(path, flags) ? REAL(open)(path, flags, mode) : -1;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return may_open(path, flags) ? REAL(open64)(path, flags, mode) : -1;
}

static int may_change(const char *path) {
    if (!is_within(path) || !is_read_only())
        return 1;
    errno = EROFS;
    return 0;
}

int unlink(const char *path) { return may_change(path) ? REAL(unlink)(path) : -1; }
int rename(const char *from, const char *to) { return may_change(from) ? REAL(rename)(from, to) : -1; }

/* What a disk keeps when the power fails, for a program that this library is preloaded into.
 *
 * Each file in PLUG_DIRECTORY has a shadow in PLUG_SHADOW, named after its inode: the file as it was when the program
 * last had it brought to the disk, by fsync or fdatasync. The list `names` there has the directory as it was when that
 * was: name and inode, one a line. The shadow is done before the program learns that its file is on the disk, so
 * whatever it promises then, the shadows must bear out. The disk takes PLUG_LATENCY microseconds for it.
 *
 * Of 1,000 times that a file is brought to the disk, PLUG_FAULTS fail, as they do on Linux: what was on its way then is
 * lost, although the program reads it on, and although the next time succeeds, unless it was written once more.
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

#define SECTOR 512
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

/* The name of a file's shadow, or of the list of its sectors that are lost: a byte for each, 1 where it is. */
static void name_of(int file, const char *ending, char *name) {
    struct stat found;
    if (fstat(file, &found))
        fail("plug: a file");
    snprintf(name, PATH_MAX, "%s/%lu%s", getenv("PLUG_SHADOW"), (unsigned long)found.st_ino, ending);
}

static int open_beside(int file, const char *ending, int flags) {
    char name[PATH_MAX];
    name_of(file, ending, name);
    int opened = REAL(open)(name, flags | O_CLOEXEC, 0600);
    if (opened < 0 && (flags & O_CREAT || errno != ENOENT))
        fail("plug: the shadow");
    return opened;
}

static int is_lost(int lost, off_t at) {
    char mark = 0;
    return lost >= 0 && pread(lost, &mark, 1, at / SECTOR) == 1 && mark;
}

/* Files are read through the program's own descriptors: to close another one would drop the program's locks. */
static void copy(int file) {
    static _Thread_local char buffer[1 << 16];
    int shadow = open_beside(file, "", O_WRONLY | O_CREAT), lost = open_beside(file, ".lost", O_RDONLY);
    ssize_t step = lost < 0 ? (ssize_t)sizeof buffer : SECTOR, got;
    off_t at = 0;
    while ((got = pread(file, buffer, step, at)) > 0) {
        if (!is_lost(lost, at) && REAL(pwrite)(shadow, buffer, got, at) != got)
            fail("plug: the shadow");
        at += got;
    }
    if (got < 0 || REAL(ftruncate)(shadow, at))
        fail("plug: the shadow");
    close(shadow);
    if (lost >= 0)
        close(lost);
}

/* What is on its way to the disk is lost. */
static void lose(int file) {
    int shadow = open_beside(file, "", O_RDONLY | O_CREAT), lost = open_beside(file, ".lost", O_WRONLY | O_CREAT);
    char now[SECTOR], kept[SECTOR];
    ssize_t got;
    for (off_t at = 0; (got = pread(file, now, SECTOR, at)) > 0; at += SECTOR)
        if (pread(shadow, kept, got, at) != got || memcmp(now, kept, got))
            if (REAL(pwrite)(lost, "\1", 1, at / SECTOR) != 1)
                fail("plug: what is lost");
    close(shadow);
    close(lost);
}

/* What is written once more is on its way again. */
static void written(int file, ssize_t size, off_t at) {
    if (size <= 0 || !getenv("PLUG_FAULTS") || !is_watched(file))
        return;
    int saved = errno, lost = open_beside(file, ".lost", O_RDWR);
    if (lost >= 0) {
        for (off_t sector = at / SECTOR; sector <= (at + size - 1) / SECTOR; sector++)
            if (is_lost(lost, sector * SECTOR) && REAL(pwrite)(lost, "", 1, sector) != 1)
                fail("plug: what is lost");
        close(lost);
    }
    errno = saved;
}

static int has_fault(void) {
    static _Thread_local unsigned seed;
    const char *faults = getenv("PLUG_FAULTS");
    if (!seed)
        seed = getpid();
    return faults && rand_r(&seed) % 1000 < atoi(faults);
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

static int bring(int file, int (*real)(int)) {
    const char *latency = getenv("PLUG_LATENCY");
    if (!may_write(file))
        return -1;
    if (!getenv("PLUG_SHADOW") || !is_watched(file))
        return real(file);
    usleep(latency ? atoi(latency) : 0);
    struct stat found;
    if (fstat(file, &found))
        fail("plug: a file");
    if (S_ISREG(found.st_mode) && has_fault()) {
        lose(file);
        errno = EIO;
        return -1;
    }
    if (real(file))
        return -1;
    if (S_ISDIR(found.st_mode))
        list(getenv("PLUG_SHADOW"));
    else
        copy(file);
    return 0;
}

int fsync(int file) { return bring(file, REAL(fsync)); }
int fdatasync(int file) { return bring(file, REAL(fdatasync)); }

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    ssize_t done = may_write(file) ? REAL(pwrite)(file, data, size, at) : -1;
    written(file, done, at);
    return done;
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) { return pwrite(file, data, size, at); }

ssize_t write(int file, const void *data, size_t size) {
    ssize_t done = may_write(file) ? REAL(write)(file, data, size) : -1;
    if (done > 0 && getenv("PLUG_FAULTS"))
        written(file, done, lseek(file, 0, SEEK_CUR) - done);
    return done;
}

int ftruncate(int file, off_t size) { return may_write(file) ? REAL(ftruncate)(file, size) : -1; }
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }

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

// Preloaded (LD_PRELOAD) into a program under test: while the file that FAULTY_SWITCH names has a
// word in it, what is done to a file whose path contains FAULTY_PATH fails:
//   full    write: ENOSPC       ro      write: EROFS
//   sync    fsync: EIO          io      write, read and fsync: EIO
//   once    the next fsync: EIO, and no other
//   later   fsync: comes to its end 200 ms later
//   half    write: only a part of it, and every other one EINTR
//   create  a new file: ENOSPC, as without inodes
//   move    rename and unlink: EIO
//   bad     "bad PAGE INODE", whatever the path: reading that page of that file: EIO, for ever
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

bool isOurs(int fd)
{
    const char *part = getenv("FAULTY_PATH");
    char link[64];
    char path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0 || !part)
        return false;
    path[size] = '\0';
    return strstr(path, part) != nullptr;
}

// The word in the switch: its first letter, 0 for none.
char word()
{
    char letter = 0;
    if (const char *name = getenv("FAULTY_SWITCH")) {
        const int file = open(name, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, &letter, 1) != 1)
                letter = 0;
            close(file);
        }
    }
    return letter;
}

char fault(int fd)
{
    const int saved = errno;
    const char letter = isOurs(fd) ? word() : char(0);
    errno = saved;
    return letter;
}

bool isBad(int fd, size_t size, off64_t at)
{
    const int saved = errno;
    bool bad = false;
    if (const char *name = word() == 'b' ? getenv("FAULTY_SWITCH") : nullptr) {
        char text[64] = {};
        const int file = open(name, O_RDONLY | O_CLOEXEC);
        const bool isRead = file >= 0 && read(file, text, sizeof text - 1) > 0;
        if (file >= 0)
            close(file);
        long long page = 0;
        unsigned long long inode = 0;
        struct stat about = {};
        bad = isRead && sscanf(text, "bad %lld %llu", &page, &inode) == 2 &&
              fstat(fd, &about) == 0 && about.st_ino == inode && at < page * 4096 &&
              at + off64_t(size) > (page - 1) * 4096;
    }
    errno = saved;
    return bad;
}

bool fails(const char *path, char letter)
{
    const int saved = errno;
    const char *part = getenv("FAULTY_PATH");
    const bool failing = path && part && strstr(path, part) && word() == letter;
    errno = saved;
    return failing;
}

bool isNew(const char *path, int flags)
{
    return (flags & O_CREAT) != 0 && fails(path, 'c') && access(path, F_OK) != 0;
}

// What is left of a write of that size; -1: EINTR.
ssize_t share(int fd, size_t size)
{
    static int turn = 0;
    if (size < 2 || fault(fd) != 'h')
        return ssize_t(size);
    return ++turn % 2 == 0 ? -1 : ssize_t(size / 2);
}

int writeError(char letter)
{
    switch (letter) {
    case 'f':
        return ENOSPC;
    case 'r':
        return EROFS;
    case 'i':
        return EIO;
    default:
        return 0;
    }
}

bool failSync(int fd)
{
    const char letter = fault(fd);
    if (letter == 'l') {
        const timespec late{.tv_sec = 0, .tv_nsec = 200'000'000};
        nanosleep(&late, nullptr);
    }
    if (letter != 's' && letter != 'i' && letter != 'o')
        return false;
    if (letter == 'o' && truncate(getenv("FAULTY_SWITCH"), 0) != 0)
        abort();
    errno = EIO;
    return true;
}

}  // namespace

#define REAL(name) \
    static const auto real = reinterpret_cast<decltype(&name)>(dlsym(RTLD_NEXT, #name))

#define SHARE(fd, size)                       \
    do {                                      \
        const ssize_t left = share(fd, size); \
        if (left < 0) {                       \
            errno = EINTR;                    \
            return -1;                        \
        }                                     \
        size = size_t(left);                  \
    } while (0)

#define FAIL_WRITE(fd)                            \
    do {                                          \
        const int reason = writeError(fault(fd)); \
        if (reason) {                             \
            errno = reason;                       \
            return -1;                            \
        }                                         \
    } while (0)

extern "C" {

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    FAIL_WRITE(fd);
    SHARE(fd, size);
    return real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    REAL(pwrite);
    FAIL_WRITE(fd);
    SHARE(fd, size);
    return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    REAL(pwrite64);
    FAIL_WRITE(fd);
    SHARE(fd, size);
    return real(fd, data, size, at);
}

int ftruncate64(int fd, off64_t size) noexcept
{
    REAL(ftruncate64);
    FAIL_WRITE(fd);
    return real(fd, size);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at)
{
    REAL(pread64);
    if (fault(fd) == 'i' || isBad(fd, size, at)) {
        errno = EIO;
        return -1;
    }
    return real(fd, data, size, at);
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    va_list more;
    va_start(more, flags);
    const mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (isNew(path, flags)) {
        errno = ENOSPC;
        return -1;
    }
    return real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    va_list more;
    va_start(more, flags);
    const mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (isNew(path, flags)) {
        errno = ENOSPC;
        return -1;
    }
    return real(path, flags, mode);
}

int rename(const char *from, const char *to) noexcept
{
    REAL(rename);
    if (fails(to, 'm')) {
        errno = EIO;
        return -1;
    }
    return real(from, to);
}

int renameat2(int fromFolder, const char *from, int toFolder, const char *to,
              unsigned flags) noexcept
{
    REAL(renameat2);
    if (fails(to, 'm')) {
        errno = EIO;
        return -1;
    }
    return real(fromFolder, from, toFolder, to, flags);
}

int unlink(const char *path) noexcept
{
    REAL(unlink);
    if (fails(path, 'm')) {
        errno = EIO;
        return -1;
    }
    return real(path);
}

int fsync(int fd)
{
    REAL(fsync);
    return failSync(fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return failSync(fd) ? -1 : real(fd);
}

}  // extern "C"

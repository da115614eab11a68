// Preloaded (LD_PRELOAD) into a program under test: while the file that FAULTY_SWITCH names has a
// word in it, what is written to a file whose path contains FAULTY_PATH fails:
//   full   write: ENOSPC        io     write and read: EIO
//   sync   fsync: EIO           ro     write: EROFS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
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
char fault(int fd)
{
    const int saved = errno;
    char word = 0;
    const char *name = getenv("FAULTY_SWITCH");
    if (name && isOurs(fd)) {
        const int file = open(name, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, &word, 1) != 1)
                word = 0;
            close(file);
        }
    }
    errno = saved;
    return word;
}

int writeError(char word)
{
    switch (word) {
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
    const char word = fault(fd);
    if (word != 's' && word != 'i')
        return false;
    errno = EIO;
    return true;
}

}  // namespace

#define REAL(name) \
    static const auto real = reinterpret_cast<decltype(&name)>(dlsym(RTLD_NEXT, #name))

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
    return real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    REAL(pwrite);
    FAIL_WRITE(fd);
    return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    REAL(pwrite64);
    FAIL_WRITE(fd);
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
    if (fault(fd) == 'i') {
        errno = EIO;
        return -1;
    }
    return real(fd, data, size, at);
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

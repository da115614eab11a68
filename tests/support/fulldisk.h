#pragma once

#include <sys/resource.h>

#include <csignal>

namespace celldeck::test {

/// While one lives, no file of this process can be written.
class FullDisk
{
public:
    FullDisk()
    {
        ::getrlimit(RLIMIT_FSIZE, &m_before);
        const struct rlimit none = {.rlim_cur = 0, .rlim_max = m_before.rlim_max};
        std::signal(SIGXFSZ, SIG_IGN);  // So it is an error of the write.
        ::setrlimit(RLIMIT_FSIZE, &none);
    }
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &m_before); }
    FullDisk(const FullDisk &) = delete;
    FullDisk &operator=(const FullDisk &) = delete;

private:
    struct rlimit m_before = {};
};

}  // namespace celldeck::test

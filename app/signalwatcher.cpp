#include "signalwatcher.h"

#include <sys/socket.h>
#include <unistd.h>
#include <csignal>

namespace celldeck::app {

namespace {

// A handler may only write to a descriptor: there is no way to give it an object.
int ends[2] = {-1, -1};

void handle(int number)
{
    const char byte = static_cast<char>(number);
    // Nothing can be done here if the pipe is full: the first signal is in it then.
    [[maybe_unused]] const ssize_t written = ::write(ends[0], &byte, 1);
    std::signal(number, SIG_DFL);
}

}  // namespace

SignalWatcher::SignalWatcher()
{
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        qFatal("no socket pair for signals");
    m_notifier = std::make_unique<QSocketNotifier>(ends[1], QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        char number = 0;
        if (::read(ends[1], &number, 1) == 1)
            Q_EMIT stopRequested(number);
    });
    std::signal(SIGINT, handle);
    std::signal(SIGTERM, handle);
}

SignalWatcher::~SignalWatcher()
{
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    m_notifier.reset();
    for (int &end : ends)
        ::close(std::exchange(end, -1));
}

}  // namespace celldeck::app

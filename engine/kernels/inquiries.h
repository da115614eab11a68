#pragma once

#include <QByteArray>
#include <deque>
#include <map>

#include "async/waiter.h"
#include "kernels/messagerouter.h"

namespace celldeck::kernels {

/// The content of a reply.
struct Answer
{
    Json content;
};

/// The requests to one kernel that run no cell: each has one reply. What its kernel says of them
/// besides is taken in and forgotten, so that it is nobody's orphan.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: `end()`.
class Inquiries final
{
public:
    explicit Inquiries(MessageRouter &router) : m_router(router) {}

    /// Resolves with the reply to the request of that id, which the caller sends.
    [[nodiscard]] Waiter<Answer> expect(const QByteArray &id);
    /// Resolves when the kernel has answered the request of that id, which was expected, and has
    /// said all on iopub that it says of it.
    [[nodiscard]] Waiter<> concluded(const QByteArray &id);
    /// For a request whose reply nobody needs.
    void ignore(const QByteArray &id) { (void)expect(id); }
    /// Ends every wait with that error.
    void end(const Error &why);

private:
    struct Inquiry
    {
        Waiter<Answer> answer;
        Waiter<> concluded;
        bool replied = false;
        bool idle = false;
    };
    void take(const QByteArray &id, Channel channel, const Message &message);
    static void give(const Inquiry &inquiry, const Error &why);
    void forget(const QByteArray &id);

    MessageRouter &m_router;
    std::map<QByteArray, Inquiry> m_open;
    std::deque<QByteArray> m_order;  // of m_open and of what has ended, oldest first
};

}  // namespace celldeck::kernels

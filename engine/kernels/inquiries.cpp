#include "kernels/inquiries.h"

namespace celldeck::kernels {

namespace {

// A kernel that never says idle must not make us remember every request for ever.
constexpr size_t MaxRemembered = 256;

}  // namespace

void Inquiries::give(const Inquiry &inquiry, const Error &why)
{
    inquiry.answer.resolve(fail(why));
    inquiry.concluded.resolve(fail(why));
}

Waiter<Answer> Inquiries::expect(const QByteArray &id)
{
    const Waiter<Answer> answer = m_open[id].answer;
    m_order.push_back(id);
    if (m_order.size() > MaxRemembered) {
        if (const auto oldest = m_open.find(m_order.front()); oldest != m_open.end())
            give(oldest->second,
                 {ErrorCode::Timeout, QStringLiteral("the kernel has answered none of its last %1 "
                                                     "requests")
                                          .arg(MaxRemembered)});
        forget(m_order.front());
        m_order.pop_front();
    }
    m_router.add(
        id, [this, id](Channel channel, const Message &message) { take(id, channel, message); });
    return answer;
}

void Inquiries::take(const QByteArray &id, Channel channel, const Message &message)
{
    const auto found = m_open.find(id);
    if (found == m_open.end())
        return;
    Inquiry &inquiry = found->second;
    if (channel == Channel::Iopub) {
        inquiry.idle |= message.type() == "status" &&
                        textOf(message.content, "execution_state") == QLatin1String("idle");
    } else if (message.type().endsWith("_reply")) {
        inquiry.replied = true;
        inquiry.answer.resolve(Answer{message.content});
    }
    if (!inquiry.replied || !inquiry.idle)
        return;
    const Waiter<> concluded = inquiry.concluded;
    forget(id);
    concluded.resolve({});
}

Waiter<> Inquiries::concluded(const QByteArray &id)
{
    const auto found = m_open.find(id);
    return found == m_open.end() ? Waiter<>::resolved({}) : found->second.concluded;
}

void Inquiries::forget(const QByteArray &id)
{
    m_open.erase(id);
    m_router.remove(id);
}

void Inquiries::end(const Error &why)
{
    for (const auto &[id, inquiry] : std::exchange(m_open, {})) {
        m_router.remove(id);
        give(inquiry, why);
    }
    m_order.clear();
}

}  // namespace celldeck::kernels

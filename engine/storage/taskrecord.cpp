#include "storage/taskrecord.h"

#include <array>

namespace celldeck::storage {

namespace {

// Crockford's base 32: no i, l, o, u, so that an id survives being read aloud.
constexpr std::array Digits{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a',
                            'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n',
                            'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z'};
constexpr int TextLength = 12;
constexpr int CounterBits = 15;
constexpr UtcTime Epoch = std::chrono::sys_days{std::chrono::year{2024} / 1 / 1};

struct StateName
{
    TaskState state;
    const char *text;
};
constexpr std::array StateNames{
    StateName{TaskState::Pending, "pending"},         StateName{TaskState::Running, "running"},
    StateName{TaskState::Completed, "completed"},     StateName{TaskState::Failed, "failed"},
    StateName{TaskState::Cancelled, "cancelled"},     StateName{TaskState::TimedOut, "timeout"},
    StateName{TaskState::Interrupted, "interrupted"},
};

std::optional<int> digitOf(QChar c)
{
    const char latin = c.toLower().toLatin1();
    for (size_t i = 0; i < Digits.size(); ++i) {
        if (Digits[i] == latin)
            return static_cast<int>(i);
    }
    return std::nullopt;
}

}  // namespace

QString toText(TaskId id)
{
    QString text(TextLength, QLatin1Char('0'));
    auto rest = static_cast<std::uint64_t>(id.value());
    for (int i = TextLength - 1; i >= 0; --i) {
        text[i] = QLatin1Char(Digits[rest & 31U]);
        rest >>= 5U;
    }
    return text;
}

Result<TaskId> parseTaskId(const QString &text)
{
    const auto bad = [&text] {
        return fail(
            ErrorCode::InvalidArgument,
            QStringLiteral("\"%1\" is no task id: one has 12 characters, such as 01a2b3c4d5e6")
                .arg(text));
    };
    if (text.size() != TextLength)
        return bad();
    std::uint64_t value = 0;
    for (const QChar c : text) {
        const std::optional<int> digit = digitOf(c);
        if (!digit)
            return bad();
        value = value << 5U | static_cast<std::uint64_t>(*digit);
    }
    return TaskId(static_cast<std::int64_t>(value));
}

UtcTime timeOf(TaskId id)
{
    return Epoch + Milliseconds(id.value() >> CounterBits);
}

TaskId firstIdAt(UtcTime time)
{
    return TaskId((time - Epoch).count() << CounterBits);
}

QString toText(TaskState state)
{
    for (const StateName &name : StateNames) {
        if (name.state == state)
            return QString::fromLatin1(name.text);
    }
    return QStringLiteral("unknown");
}

std::optional<TaskState> parseTaskState(const QString &text)
{
    for (const StateName &name : StateNames) {
        if (text == QLatin1String(name.text))
            return name.state;
    }
    return std::nullopt;
}

bool isFinal(TaskState state)
{
    return state != TaskState::Pending && state != TaskState::Running;
}

QString nameOf(const TaskRecord &task)
{
    return task.key.isEmpty() ? toText(task.id) : task.key;
}

TaskDraft replayOf(const TaskRecord &task)
{
    return {.notebookPath = task.notebookPath,
            .cellIndex = task.cellIndex,
            .cellId = task.cellId,
            .code = task.code,
            .kernelName = task.kernelName,
            .key = {},
            .limit = task.limit,
            .stopOnError = task.stopOnError,
            .writeBack = task.writeBack,
            .replayOf = task.id,
            .retries = task.retries + 1};
}

}  // namespace celldeck::storage

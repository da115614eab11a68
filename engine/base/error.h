#pragma once

#include <QString>

namespace celldeck {

/// What went wrong, as far as a caller can act on it. The words that clients see are those of
/// CONTRACT.md section 4; `toCode` gives them.
enum class ErrorCode {
    Cancelled,           ///< The scope that waited was closed: a normal outcome, never logged.
    Timeout,             ///< A deadline passed. What was waited for may still happen.
    InvalidArgument,     ///< The caller's input is wrong; the message says what it should be.
    NotFound,            ///< No such file, task, cell or kernelspec.
    Conflict,            ///< The same id with other content, or a file that changed underneath.
    Stale,               ///< A fenced change came too late: the state had moved on.
    QueueFull,           ///< A limit on pending tasks is reached; nothing was stored.
    NoKernel,            ///< The kernel could not be started or is not there.
    KernelDied,          ///< The kernel ended while something waited for it.
    Missed,              ///< It has happened, and nobody of us was there to see how.
    OutsideWorkspace,    ///< A path outside the folder that tools may touch.
    TooLarge,            ///< Over a named limit.
    StorageUnavailable,  ///< The database cannot be opened, written or trusted.
    Damaged,             ///< The database's bytes make no sense; only seen while it is opened.
    NewerSchema,         ///< The database was written by a newer Celldeck.
    Forbidden,           ///< Missing or wrong token, foreign Host or Origin.
    Protocol,            ///< A peer broke its protocol (wire format, JSON-RPC, HTTP).
    Io,                  ///< A file or socket could not be read or written.
};

/// The stable word for a code, e.g. "queue_full".
[[nodiscard]] QString toCode(ErrorCode code);

/// An error as a value. `message` names the object and the operation, for a person to read.
struct Error
{
    ErrorCode code = ErrorCode::Io;
    QString message;

    bool operator==(const Error &) const = default;
};

}  // namespace celldeck

#include "base/error.h"

namespace celldeck {

QString toCode(ErrorCode code)
{
    switch (code) {
    case ErrorCode::Cancelled:
        return QStringLiteral("cancelled");
    case ErrorCode::Timeout:
        return QStringLiteral("timeout");
    case ErrorCode::InvalidArgument:
        return QStringLiteral("invalid_argument");
    case ErrorCode::NotFound:
        return QStringLiteral("not_found");
    case ErrorCode::Conflict:
        return QStringLiteral("conflict");
    case ErrorCode::Stale:
        return QStringLiteral("stale");
    case ErrorCode::QueueFull:
        return QStringLiteral("queue_full");
    case ErrorCode::NoKernel:
        return QStringLiteral("no_kernel");
    case ErrorCode::KernelDied:
        return QStringLiteral("kernel_died");
    case ErrorCode::Missed:
        return QStringLiteral("missed");
    case ErrorCode::OutsideWorkspace:
        return QStringLiteral("outside_workspace");
    case ErrorCode::TooLarge:
        return QStringLiteral("too_large");
    case ErrorCode::Damaged:
    case ErrorCode::StorageUnavailable:
        return QStringLiteral("storage_unavailable");
    case ErrorCode::NewerSchema:
        return QStringLiteral("newer_schema");
    case ErrorCode::Forbidden:
        return QStringLiteral("forbidden");
    case ErrorCode::Protocol:
        return QStringLiteral("protocol");
    case ErrorCode::Io:
        return QStringLiteral("io");
    }
    return QStringLiteral("unknown");
}

}  // namespace celldeck

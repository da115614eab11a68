#include "base/isotime.h"

#include <QDateTime>

namespace celldeck {

Result<UtcTime> parseIso(const QString &text, const QString &name)
{
    const QDateTime time = QDateTime::fromString(text, Qt::ISODateWithMs);
    if (time.isValid())
        return UtcTime(Milliseconds(time.toMSecsSinceEpoch()));
    return fail(ErrorCode::InvalidArgument,
                QStringLiteral("%1 is \"%2\": it should be a time such as 2026-11-24T10:00:00Z")
                    .arg(name, text));
}

}  // namespace celldeck

#pragma once

#include <QDate>
#include <QString>

#include "storage/taskrecord.h"

/// Words for a person: how the console writes states, times and sizes. Pure. Thread: any.
namespace celldeck::ui {

/// "Pending", "Running", …, translated.
[[nodiscard]] QString wordOf(storage::TaskState state);

/// "240 ms", "12.3 s", "2 min 05 s", "3 h 07 min"; "" for a negative one.
[[nodiscard]] QString durationText(Milliseconds duration);

/// How long the task ran, or runs until `now`; "" before it has started.
[[nodiscard]] QString durationText(const storage::TaskRecord &task, UtcTime now);

/// Local time: "14:03:27" on the day `today`, else "24 Nov 14:03" or, in another year, its date.
[[nodiscard]] QString momentText(UtcTime time, QDate today);

/// Local date and time in full, for tooltips.
[[nodiscard]] QString fullMomentText(UtcTime time);

/// The first line that has something in it, without its indentation; "…" behind it if more follow.
[[nodiscard]] QString firstLine(const QString &code);

[[nodiscard]] QString fileNameOf(const QString &path);

/// "812 B", "12.3 kB", "4.0 MB".
[[nodiscard]] QString bytesText(std::int64_t bytes);

}  // namespace celldeck::ui

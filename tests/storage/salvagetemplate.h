#pragma once

#include <QByteArray>
#include <QSet>
#include <functional>
#include <map>

#include "storage/database.h"
#include "storage/taskstore.h"

namespace celldeck::test {

constexpr int PageBytes = 4'096;
constexpr int Tasks = 300;
inline const UtcTime Start(Milliseconds(1'760'000'000'000));

/// What was on the disk when the damage came.
struct Template
{
    QByteArray main;
    QByteArray wal;  ///< "": the engine had ended in order
    std::map<qint64, storage::TaskDetail> tasks;
    /// Page → how many rows of `task` go with it at most.
    std::map<int, int> rows;
    QSet<int> schema;  ///< Pages with its text

    /// How many tasks may be lost with damaged pages.
    [[nodiscard]] int lostWith(const std::function<bool(int page)> &isDamaged) const;
};

[[nodiscard]] QByteArray bytesOf(const QString &path);
[[nodiscard]] storage::TaskDraft draftOf(int number);

/// Opens a new database, puts 300 tasks into it, half of them ended, and says what is on the disk
/// while it is open still.
[[nodiscard]] Result<Template> fill(storage::Database &database);

}  // namespace celldeck::test

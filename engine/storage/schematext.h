#pragma once

#include <QList>
#include <QString>
#include <cstdint>

#include "base/result.h"

namespace celldeck::storage {

class Connection;

/// A row of sqlite_schema: a table, index or view with the statement that made it.
struct SchemaEntry
{
    QString type;
    QString name;
    QString sql;
    std::int64_t root = 0;

    /// Whether they were made by the same statement. (SQLite writes it anew when a column goes, and
    /// may quote it otherwise in another version.)
    [[nodiscard]] bool isAlike(const SchemaEntry &other) const;
};

/// Without SQLite's own.
[[nodiscard]] Result<QList<SchemaEntry>> schemaOf(Connection &connection);

/// What a new database of that version has.
[[nodiscard]] Result<QList<SchemaEntry>> schemaOfVersion(int version);

/// A wrong byte in the text of a schema gives a column another name or an index another condition,
/// and nothing of SQLite's would notice. What somebody has added is no damage. Fails with Damaged
/// if an entry of ours is not there as it was made.
[[nodiscard]] Result<> checkSchema(Connection &connection, int version, const QString &file);

/// Whether the schema is that of a new database of that version, and nothing else. No two versions
/// have the same, so one that is has that version, whatever its header says.
[[nodiscard]] Result<bool> isSchemaOf(Connection &connection, int version);

/// Which version these entries are of most likely: `told`, unless another one has more of them.
[[nodiscard]] Result<int> likeliestVersion(const QList<SchemaEntry> &entries, int told);

}  // namespace celldeck::storage

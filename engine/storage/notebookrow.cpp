#include "storage/notebookrow.h"

namespace celldeck::storage {

Result<std::int64_t> notebookRow(Connection &connection, const QString &path)
{
    const auto added = connection.run(
        QStringLiteral("INSERT INTO notebook(path) VALUES(?) ON CONFLICT DO NOTHING"), {path});
    if (!added)
        return fail(added.error());
    return connection.number(QStringLiteral("SELECT id FROM notebook WHERE path = ?"), {path});
}

}  // namespace celldeck::storage

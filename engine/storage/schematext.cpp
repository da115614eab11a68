#include "storage/schematext.h"

#include <algorithm>

#include "storage/connection.h"
#include "storage/migrator.h"
#include "storage/schema.h"

namespace celldeck::storage {

namespace {

QString plain(QString sql)
{
    sql.removeIf([](QChar c) { return c.isSpace() || c == QLatin1Char('"'); });
    return sql;
}

bool has(const QList<SchemaEntry> &entries, const SchemaEntry &wanted)
{
    return std::ranges::any_of(
        entries, [&wanted](const SchemaEntry &entry) { return entry.isAlike(wanted); });
}

struct Comparison
{
    QList<SchemaEntry> missing;  // or there and not as it was made
    QList<SchemaEntry> foreign;
};

Comparison compare(const QList<SchemaEntry> &there, const QList<SchemaEntry> &made)
{
    Comparison compared;
    for (const SchemaEntry &entry : made) {
        if (!has(there, entry))
            compared.missing << entry;
    }
    for (const SchemaEntry &entry : there) {
        if (!has(made, entry))
            compared.foreign << entry;
    }
    return compared;
}

Result<Comparison> compare(Connection &connection, int version)
{
    const auto there = schemaOf(connection);
    if (!there)
        return fail(there.error());
    const auto made = schemaOfVersion(version);
    if (!made)
        return fail(made.error());
    return compare(*there, *made);
}

}  // namespace

bool SchemaEntry::isAlike(const SchemaEntry &other) const
{
    return type == other.type && name == other.name &&
           (sql == other.sql || plain(sql) == plain(other.sql));
}

Result<QList<SchemaEntry>> schemaOf(Connection &connection)
{
    QList<SchemaEntry> entries;
    const Result<> read = connection.queryOnce(
        QStringLiteral("SELECT type, name, sql, rootpage FROM sqlite_schema"
                       " WHERE name NOT LIKE 'sqlite_%'"),
        {}, [&entries](const Row &row) {
            entries.append({row.text(0), row.text(1), row.text(2), row.integer(3)});
        });
    if (!read)
        return fail(read.error());
    return entries;
}

Result<QList<SchemaEntry>> schemaOfVersion(int version)
{
    const auto connection = Connection::open(QStringLiteral(":memory:"), Connection::Mode::Write);
    if (!connection)
        return fail(connection.error());
    if (const Result<> raised = raise(**connection, version); !raised)
        return fail(raised.error());
    return schemaOf(**connection);
}

Result<> checkSchema(Connection &connection, int version, const QString &file)
{
    const auto compared = compare(connection, version);
    if (!compared)
        return fail(compared.error());
    if (!compared->missing.isEmpty())
        return fail(ErrorCode::Damaged,
                    QStringLiteral("the database %1 is damaged: the %2 %3 is not as it was made")
                        .arg(file, compared->missing.first().type, compared->missing.first().name));
    return {};
}

Result<bool> isSchemaOf(Connection &connection, int version)
{
    const auto compared = compare(connection, version);
    if (!compared)
        return fail(compared.error());
    return compared->missing.isEmpty() && compared->foreign.isEmpty();
}

Result<int> likeliestVersion(const QList<SchemaEntry> &entries, int told)
{
    int likeliest = told;
    qsizetype fewest = -1;
    for (int version = currentSchema(); version > 0; --version) {
        const auto made = schemaOfVersion(version);
        if (!made)
            return fail(made.error());
        const Comparison compared = compare(entries, *made);
        const qsizetype wrong = compared.missing.size() + compared.foreign.size();
        if (fewest < 0 || wrong < fewest || (wrong == fewest && version == told)) {
            fewest = wrong;
            likeliest = version;
        }
    }
    return likeliest;
}

}  // namespace celldeck::storage

#include "storage/contents.h"

#include <QCryptographicHash>
#include <cstring>

#include "storage/outputforms.h"
#include "storage/tasksql.h"

namespace celldeck::storage {

namespace {

constexpr qsizetype Generation = 16'384;

// Looked at when the engine starts.
constexpr int LoadedAtOnce = 4'096;
constexpr int LoadedBytes = 8'192;  // longer ones seldom repeat, and would have to be read

// A row of its own costs 12 bytes.
constexpr qsizetype InlineCharacters = 24;

/// The digest of some values, each with its length, so that no two lists of them read alike.
class Digester
{
public:
    void add(qint64 number)
    {
        m_bytes.append(reinterpret_cast<const char *>(&number), sizeof number);
    }
    void add(QByteArrayView bytes)
    {
        add(qint64(bytes.size()));
        m_bytes.append(bytes);
    }
    void add(const QString &text)
    {
        add(QByteArrayView(reinterpret_cast<const char *>(text.constData()),
                           text.size() * qsizetype(sizeof(QChar))));
    }
    Digest digest() const
    {
        const QByteArray hash = QCryptographicHash::hash(m_bytes, QCryptographicHash::Blake2b_160);
        Digest made;
        std::memcpy(&made.high, hash.constData(), sizeof made.high);
        std::memcpy(&made.low, hash.constData() + sizeof made.high, sizeof made.low);
        return made;
    }

private:
    QByteArray m_bytes;
};

Digest cellDigest(std::int64_t notebook, qint64 position, const QString &cellId,
                  const QString &code, qint64 terms)
{
    Digester digester;
    digester.add(notebook);
    digester.add(position);
    digester.add(terms);
    digester.add(cellId);
    digester.add(code);
    return digester.digest();
}

Digest outputDigest(const QVariant &form)
{
    Digester digester;
    digester.add(qint64(form.typeId()));
    if (form.typeId() == QMetaType::QString)
        digester.add(form.toString());
    else
        digester.add(QByteArrayView(form.toByteArray()));
    return digester.digest();
}

QVariant orNull(const QString &text)
{
    return text.isEmpty() ? QVariant() : QVariant(text);
}

}  // namespace

size_t qHash(const Terms &terms, size_t seed) noexcept
{
    return qHashMulti(seed, terms.kernel, terms.flags, terms.limit);
}

size_t qHash(const Digest &digest, size_t seed) noexcept
{
    return size_t(digest.low) ^ seed;
}

std::optional<std::int64_t> SeenRows::find(const Digest &digest)
{
    if (const auto found = m_young.constFind(digest); found != m_young.constEnd())
        return *found;
    const auto old = m_old.constFind(digest);
    if (old == m_old.constEnd())
        return std::nullopt;
    const std::int64_t row = *old;
    add(digest, row);
    return row;
}

void SeenRows::add(const Digest &digest, std::int64_t row)
{
    if (m_young.size() >= Generation)
        m_old = std::exchange(m_young, {});
    m_young.insert(digest, row);
}

void SeenRows::clear()
{
    m_young.clear();
    m_old.clear();
}

Result<StoredRows> Contents::beginSweep(Connection &connection)
{
    const auto cells = connection.number(QStringLiteral("SELECT max(id) FROM cell"));
    if (!cells)
        return fail(cells.error());
    const auto outputs = connection.number(QStringLiteral("SELECT max(id) FROM output"));
    if (!outputs)
        return fail(outputs.error());
    m_swept = {.cells = *cells, .outputs = *outputs};
    m_isLoaded = false;
    return m_swept;
}

void Contents::endSweep()
{
    m_swept = {};
    m_isLoaded = false;
}

Result<> Contents::load(Connection &connection)
{
    if (m_isLoaded)
        return {};
    m_cells.clear();
    m_outputs.clear();
    m_terms.clear();
    if (const Result<> cells = loadCells(connection); !cells)
        return cells;
    if (const Result<> outputs = loadOutputs(connection); !outputs)
        return outputs;
    m_isLoaded = true;
    return {};
}

Result<> Contents::loadCells(Connection &connection)
{
    return connection.query(
        QStringLiteral("SELECT id, notebook, position, cell_id, code, terms FROM cell"
                       " WHERE id > ? AND length(code) < ? ORDER BY id DESC LIMIT ?"),
        {qlonglong(m_swept.cells), LoadedBytes, LoadedAtOnce}, [this](const Row &row) {
            m_cells.add(cellDigest(row.integer(1), row.isNull(2) ? -1 : row.integer(2), row.text(3),
                                   row.text(4), row.integer(5)),
                        row.integer(0));
        });
}

Result<> Contents::loadOutputs(Connection &connection)
{
    return connection.query(
        QStringLiteral("SELECT id, value FROM output"
                       " WHERE id > ? AND length(value) < ? ORDER BY id DESC LIMIT ?"),
        {qlonglong(m_swept.outputs), LoadedBytes, LoadedAtOnce},
        [this](const Row &row) { m_outputs.add(outputDigest(row.value(1)), row.integer(0)); });
}

Result<QVariant> Contents::terms(Connection &connection, const TaskDraft &draft)
{
    const Terms terms{.kernel = draft.kernelName,
                      .flags = (draft.stopOnError ? sql::StopOnError : 0) |
                               (draft.writeBack ? 0 : sql::NoWriteBack),
                      .limit = draft.limit ? draft.limit->count() : -1};
    if (terms == Terms{})
        return QVariant();
    if (const std::int64_t known = m_terms.value(terms))
        return QVariant(qlonglong(known));
    const QVariant kernel = orNull(terms.kernel);
    const QVariant flags = terms.flags == 0 ? QVariant() : QVariant(terms.flags);
    const QVariant limit = terms.limit < 0 ? QVariant() : QVariant(qlonglong(terms.limit));
    auto row = connection.number(
        QStringLiteral("SELECT id FROM terms WHERE kernel IS ? AND flags IS ? AND time_limit IS ?"),
        {kernel, flags, limit});
    if (row && *row == 0)
        row = connection.insert(
            QStringLiteral("INSERT INTO terms(kernel, flags, time_limit) VALUES(?, ?, ?)"),
            {kernel, flags, limit});
    if (!row)
        return fail(row.error());
    m_terms.insert(terms, *row);
    return QVariant(qlonglong(*row));
}

Result<std::int64_t> Contents::cell(Connection &connection, std::int64_t notebook,
                                    const TaskDraft &draft)
{
    if (const Result<> loaded = load(connection); !loaded)
        return fail(loaded.error());
    const auto terms = this->terms(connection, draft);
    if (!terms)
        return fail(terms.error());
    const int position = std::max(draft.cellIndex, -1);
    const Digest digest =
        cellDigest(notebook, position, draft.cellId, draft.code, terms->toLongLong());
    if (const auto known = m_cells.find(digest))
        return *known;
    const auto row = connection.insert(
        QStringLiteral("INSERT INTO cell(notebook, position, cell_id, code, terms)"
                       " VALUES(?, ?, ?, ?, ?)"),
        {qlonglong(notebook), position < 0 ? QVariant() : QVariant(position), orNull(draft.cellId),
         draft.code.isNull() ? QStringLiteral("") : draft.code, *terms});
    if (row)
        m_cells.add(digest, *row);
    return row;
}

Result<QVariant> Contents::outputs(Connection &connection, const QByteArray &json,
                                   std::optional<std::int64_t> executionCount)
{
    const QVariant form = outputForm(json, executionCount);
    const bool isText = form.typeId() == QMetaType::QString;
    if ((isText ? form.toString().size() : json.size()) <= InlineCharacters || form.isNull())
        return form;
    if (const Result<> loaded = load(connection); !loaded)
        return fail(loaded.error());
    const Digest digest = outputDigest(form);
    if (const auto known = m_outputs.find(digest))
        return QVariant(qlonglong(*known));
    const auto row =
        connection.insert(QStringLiteral("INSERT INTO output(value) VALUES(?)"), {form});
    if (!row)
        return fail(row.error());
    m_outputs.add(digest, *row);
    return QVariant(qlonglong(*row));
}

}  // namespace celldeck::storage

#include "storage/contents.h"

#include <QHashSeed>

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

/// What a row of `cell` has.
struct CellContent
{
    std::int64_t notebook = 0;
    int position = -1;  ///< -1: none
    QString cellId;
    QString code;
    std::int64_t terms = 0;  ///< 0: none

    bool operator==(const CellContent &) const = default;
};

CellContent cellIn(const Row &row, int column)
{
    return {.notebook = row.integer(column),
            .position = row.isNull(column + 1) ? -1 : int(row.integer(column + 1)),
            .cellId = row.text(column + 2),
            .code = row.text(column + 3),
            .terms = row.integer(column + 4)};
}

size_t hashOf(const CellContent &cell)
{
    return qHashMulti(QHashSeed::globalSeed(), cell.notebook, cell.position, cell.cellId, cell.code,
                      cell.terms);
}

size_t hashOf(const QVariant &form)
{
    const size_t seed = QHashSeed::globalSeed();
    return form.typeId() == QMetaType::QString ? qHash(form.toString(), seed)
                                               : qHash(form.toByteArray(), seed);
}

bool isSameForm(const QVariant &one, const QVariant &other)
{
    return one.typeId() == other.typeId() && one == other;
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

std::optional<std::int64_t> SeenRows::find(size_t hash)
{
    if (const auto found = m_young.constFind(hash); found != m_young.constEnd())
        return *found;
    const auto old = m_old.constFind(hash);
    if (old == m_old.constEnd())
        return std::nullopt;
    const std::int64_t row = *old;
    add(hash, row);
    return row;
}

void SeenRows::add(size_t hash, std::int64_t row)
{
    if (m_young.size() >= Generation)
        m_old = std::exchange(m_young, {});
    m_young.insert(hash, row);
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
        {qlonglong(m_swept.cells), LoadedBytes, LoadedAtOnce},
        [this](const Row &row) { m_cells.add(hashOf(cellIn(row, 1)), row.integer(0)); });
}

Result<> Contents::loadOutputs(Connection &connection)
{
    return connection.query(
        QStringLiteral("SELECT id, value FROM output"
                       " WHERE id > ? AND length(value) < ? ORDER BY id DESC LIMIT ?"),
        {qlonglong(m_swept.outputs), LoadedBytes, LoadedAtOnce},
        [this](const Row &row) { m_outputs.add(hashOf(row.value(1)), row.integer(0)); });
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
    const CellContent cell{.notebook = notebook,
                           .position = std::max(draft.cellIndex, -1),
                           .cellId = draft.cellId,
                           .code = draft.code,
                           .terms = terms->toLongLong()};
    const size_t hash = hashOf(cell);
    if (const auto seen = m_cells.find(hash)) {
        bool isSame = false;
        const Result<> read = connection.query(
            QStringLiteral("SELECT notebook, position, cell_id, code, terms FROM cell"
                           " WHERE id = ?"),
            {qlonglong(*seen)}, [&](const Row &row) { isSame = cellIn(row, 0) == cell; });
        if (!read)
            return fail(read.error());
        if (isSame)
            return *seen;
    }
    const auto row = connection.insert(
        QStringLiteral("INSERT INTO cell(notebook, position, cell_id, code, terms)"
                       " VALUES(?, ?, ?, ?, ?)"),
        {qlonglong(notebook), cell.position < 0 ? QVariant() : QVariant(cell.position),
         orNull(cell.cellId), cell.code.isNull() ? QStringLiteral("") : cell.code, *terms});
    if (row)
        m_cells.add(hash, *row);
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
    const size_t hash = hashOf(form);
    if (const auto seen = m_outputs.find(hash)) {
        bool isSame = false;
        const Result<> read = connection.query(
            QStringLiteral("SELECT value FROM output WHERE id = ?"), {qlonglong(*seen)},
            [&](const Row &row) { isSame = isSameForm(row.value(0), form); });
        if (!read)
            return fail(read.error());
        if (isSame)
            return QVariant(qlonglong(*seen));
    }
    const auto row =
        connection.insert(QStringLiteral("INSERT INTO output(value) VALUES(?)"), {form});
    if (!row)
        return fail(row.error());
    m_outputs.add(hash, *row);
    return QVariant(qlonglong(*row));
}

}  // namespace celldeck::storage

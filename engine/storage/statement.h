#pragma once

#include <sqlite3.h>
#include <QByteArrayView>
#include <QString>
#include <QStringEncoder>
#include <QVarLengthArray>
#include <QVariant>
#include <memory>

/// A prepared statement that runs, for Connection only. Thread: its connection's.
namespace celldeck::storage {

/// The texts of a statement's parameters in UTF-8, for as long as it runs: short ones without an
/// allocation, of which a submission had more than of anything else.
class Texts
{
public:
    /// `characters`: of all that will be added; what was added does not move.
    void reserve(qsizetype characters) { m_bytes.reserve(3 * characters); }
    QByteArrayView add(const QString &text)
    {
        const qsizetype begin = m_bytes.size();
        m_bytes.resize(begin + 3 * text.size());
        QStringEncoder encode(QStringEncoder::Utf8, QStringEncoder::Flag::Stateless);
        const char *end = encode.appendToBuffer(m_bytes.data() + begin, text);
        m_bytes.resize(end - m_bytes.constData());
        return {m_bytes.constData() + begin, m_bytes.size() - begin};
    }

private:
    QVarLengthArray<char, 1'024> m_bytes;
};

/// What a variant of that type holds, where it stands.
template <class Type>
const Type &in(const QVariant &value)
{
    return *static_cast<const Type *>(value.constData());
}

template <class Values>
qsizetype charactersIn(const Values &values)
{
    qsizetype characters = 0;
    for (const QVariant &value : values) {
        if (value.typeId() == QMetaType::QString)
            characters += in<QString>(value).size();
    }
    return characters;
}

/// `texts`: where a text's UTF-8 goes; it must be there for as long as the statement runs. Returns
/// SQLite's code.
[[nodiscard]] int bind(sqlite3_stmt *statement, int place, const QVariant &value, Texts &texts);

struct Finalizer
{
    void operator()(sqlite3_stmt *statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

/// A statement that runs; whatever comes of it, it can run again.
class Run
{
public:
    template <class Values>
    Run(sqlite3_stmt *statement, const Values &values) : m_statement(statement)
    {
        if (sqlite3_bind_parameter_count(statement) != int(values.size())) {
            m_code = SQLITE_RANGE;
            return;
        }
        m_texts.reserve(charactersIn(values));
        int place = 0;
        for (const QVariant &value : values) {
            m_code = bind(statement, ++place, value, m_texts);
            if (m_code != SQLITE_OK)
                return;
        }
    }
    ~Run() { sqlite3_reset(m_statement); }
    Run(const Run &) = delete;
    Run &operator=(const Run &) = delete;

    bool next()
    {
        if (m_code == SQLITE_OK || m_code == SQLITE_ROW)
            m_code = sqlite3_step(m_statement);
        return m_code == SQLITE_ROW;
    }
    [[nodiscard]] bool isDone() const { return m_code == SQLITE_DONE; }

private:
    sqlite3_stmt *m_statement;
    Texts m_texts;
    int m_code = SQLITE_OK;
};

}  // namespace celldeck::storage

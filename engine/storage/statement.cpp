#include "storage/statement.h"

namespace celldeck::storage {

int bind(sqlite3_stmt *statement, int place, const QVariant &value, Texts &texts)
{
    if (value.isNull())
        return sqlite3_bind_null(statement, place);
    switch (value.typeId()) {
    case QMetaType::QString: {
        const QByteArrayView text = texts.add(in<QString>(value));
        return sqlite3_bind_text(statement, place, text.data(), int(text.size()), SQLITE_STATIC);
    }
    case QMetaType::QByteArray: {
        const QByteArray &bytes = in<QByteArray>(value);
        return sqlite3_bind_blob(statement, place, bytes.constData(), int(bytes.size()),
                                 SQLITE_STATIC);
    }
    case QMetaType::Double:
        return sqlite3_bind_double(statement, place, value.toDouble());
    default:
        return sqlite3_bind_int64(statement, place, value.toLongLong());
    }
}

}  // namespace celldeck::storage

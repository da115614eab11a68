#pragma once

#include <QStringList>

#include "storage/connection.h"

namespace celldeck::storage {

struct Table
{
    const char *name;
    const char *key;  ///< What its B-tree is sorted by
    enum class Key { Number, Text } kind = Key::Number;
};

/// Copies what can be read of one table, in the order of its key and then backwards from its end. A
/// row that cannot be read is left out; a key can be read where its row's other pages cannot.
///
/// Fails only where `to` cannot be written.
[[nodiscard]] Result<> copyTable(Connection &from, Connection &to, const Table &table,
                                 const QStringList &columns);

}  // namespace celldeck::storage

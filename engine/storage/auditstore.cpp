#include "storage/auditstore.h"

#include "storage/auditsql.h"
#include "storage/database.h"

namespace celldeck::storage {

Waiter<> AuditStore::record(AuditNote note)
{
    return m_database.write<void>(
        [note = std::move(note)](Connection &connection) { return sql::record(connection, note); });
}

Waiter<QList<AuditEntry>> AuditStore::list(AuditFilter filter)
{
    return m_database.read<QList<AuditEntry>>([filter = std::move(filter)](Connection &connection) {
        return sql::listAudit(connection, filter);
    });
}

}  // namespace celldeck::storage

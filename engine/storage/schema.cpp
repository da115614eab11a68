#include "storage/schema.h"

namespace celldeck::storage {

namespace {

// What a row costs decides what 100,000 finished tasks cost, so: the submission's time is the id
// itself, other times are differences, and what a cell's runs have in common is in `cell` once.
//
// Code and outputs are stored once each, found by what the writer remembers (see Contents): their
// ids are small and grow, so that rows are packed closely and one commit touches few pages.
//
// Compression: a cell's usual outputs are one text on stdout or one value, of which only the text
// is kept (see outputforms.h): 50 bytes less each, and plain SQL can still show them. zlib or zstd
// would be seen through by no `sqlite3` shell, so the view `execution_queue` could not answer; it
// would gain little, for what is long becomes an asset, and short texts do not get shorter by it.

const QString Notebook =
    QStringLiteral("CREATE TABLE notebook(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE)");

/// A cell as it was submitted. In versions 1 and 2 its id was 47 bits of a hash of its columns.
const QString Cell = QStringLiteral(
    "CREATE TABLE cell("
    " id INTEGER PRIMARY KEY,"
    " notebook INTEGER NOT NULL REFERENCES notebook(id),"
    " position INTEGER,"  // index in the notebook; NULL: code of no cell
    " cell_id TEXT,"      // nbformat 4.5
    " code TEXT NOT NULL,"
    " kernel TEXT,"         // kernelspec asked for
    " flags INTEGER,"       // TaskFlag, NULL: none
    " time_limit INTEGER)"  // ms
);

const QString Task = QStringLiteral(
    "CREATE TABLE task("
    " id INTEGER PRIMARY KEY,"  // time and counter: see TaskId
    " state INTEGER NOT NULL,"  // TaskState
    " cell INTEGER NOT NULL REFERENCES cell(id),"
    " batch INTEGER,"   // id - id of its submission's first
    " waited INTEGER,"  // ms from submission to start
    " ran INTEGER,"     // ms from then to the end
    " execution_count INTEGER,"
    " retries INTEGER,"
    " replay_of INTEGER,"
    " message_id TEXT,"  // of its execute_request, while it runs
    " error TEXT,"
    " outputs BLOB)");  // NULL: []; a row of `output`, or a form of outputforms.h

/// Only the unfinished are in it: what recovery and the limits look for.
const QString Unfinished = QStringLiteral("CREATE INDEX unfinished ON task(state) WHERE state < 2");

/// Idempotency keys of clients (`task_id_override`).
const QString Key = QStringLiteral(
    "CREATE TABLE key(name TEXT PRIMARY KEY, task INTEGER NOT NULL REFERENCES task(id))"
    " WITHOUT ROWID");
const QString KeyOfTask = QStringLiteral("CREATE UNIQUE INDEX key_of_task ON key(task)");

/// Times in ms since 1970.
const QString Lease = QStringLiteral(
    "CREATE TABLE lease(asset TEXT PRIMARY KEY, notebook INTEGER NOT NULL REFERENCES notebook(id),"
    " last_seen INTEGER NOT NULL, expires INTEGER NOT NULL, created INTEGER NOT NULL)");

/// What an operator has said about a notebook's queue. NULL: nothing.
const QString Paused = QStringLiteral("ALTER TABLE notebook ADD COLUMN paused INTEGER");
const QString StopOnErrorOf =
    QStringLiteral("ALTER TABLE notebook ADD COLUMN stop_on_error INTEGER");

/// 1: restored after a crash, and the kernel that its session had is gone.
const QString StateLost = QStringLiteral("ALTER TABLE task ADD COLUMN state_lost INTEGER");

/// Pending tasks that were given another place in their notebook's queue; before all others.
const QString Moved =
    QStringLiteral("CREATE TABLE moved(task INTEGER PRIMARY KEY, place INTEGER NOT NULL)");

/// Kernels that ran when the database was last written: who they are, so that none is mistaken for
/// another, and where they listen.
const QString Kernel = QStringLiteral(
    "CREATE TABLE kernel("
    " notebook INTEGER PRIMARY KEY REFERENCES notebook(id),"
    " name TEXT NOT NULL,"             // of its kernelspec
    " connection_file TEXT NOT NULL,"  // path
    " session TEXT NOT NULL,"          // what our messages call themselves
    " pid INTEGER NOT NULL,"
    " started INTEGER NOT NULL,"  // clock ticks from boot to its start
    " boot TEXT NOT NULL,"        // id of that boot
    " since INTEGER NOT NULL)"    // ms since 1970
);

const QString Setting =
    QStringLiteral("CREATE TABLE setting(name TEXT PRIMARY KEY, value) WITHOUT ROWID");

/// A file of ours. Its row goes only after the file, so that whatever a crash has left of it is
/// known.
const QString Asset = QStringLiteral(
    "CREATE TABLE asset("
    " id INTEGER PRIMARY KEY,"
    " path TEXT NOT NULL UNIQUE,"  // where it is when it is not in the trash
    " bytes INTEGER NOT NULL,"
    " trashed INTEGER)"  // when it went to the trash, as the lease clock tells it
);

/// One for each notebook that an asset was made for: its name is its content, so two may share it.
/// `expires` is told by the lease clock (assets/leaseclock.h): the wall's time less `lease_offset`.
const QString LeaseOfAsset = QStringLiteral(
    "CREATE TABLE lease(asset INTEGER NOT NULL REFERENCES asset(id),"
    " notebook INTEGER NOT NULL REFERENCES notebook(id),"
    " last_seen INTEGER NOT NULL, expires INTEGER NOT NULL, created INTEGER NOT NULL,"
    " PRIMARY KEY(asset, notebook))");

/// Assets that hold what was too big for a task's record. Such a row goes after its task.
const QString Recorded = QStringLiteral(
    "CREATE TABLE recorded(task INTEGER NOT NULL, asset INTEGER NOT NULL REFERENCES asset(id),"
    " PRIMARY KEY(task, asset))");

/// What cells of a notebook have in common, and an output that is stored once: see outputforms.h.
const QString Terms = QStringLiteral(
    "CREATE TABLE terms("
    " id INTEGER PRIMARY KEY,"
    " kernel TEXT,"         // kernelspec asked for
    " flags INTEGER,"       // TaskFlag, NULL: none
    " time_limit INTEGER)"  // ms
);
const QString Output =
    QStringLiteral("CREATE TABLE output(id INTEGER PRIMARY KEY, value NOT NULL)");

/// Those that somebody looks for among many that have completed.
const QString NotCompleted =
    QStringLiteral("CREATE INDEX not_completed ON task(state) WHERE state > 2");

/// Cells get small ids, in the order in which they were stored. First negative ones, for an old id
/// may be as small as a new one.
const QStringList SmallCells{
    QStringLiteral("DROP VIEW execution_queue"),
    QStringLiteral("INSERT INTO terms(kernel, flags, time_limit)"
                   " SELECT DISTINCT kernel, flags, time_limit FROM cell"
                   " WHERE kernel IS NOT NULL OR flags IS NOT NULL OR time_limit IS NOT NULL"),
    QStringLiteral("ALTER TABLE cell ADD COLUMN terms INTEGER REFERENCES terms(id)"),
    QStringLiteral("UPDATE cell SET terms = (SELECT s.id FROM terms s WHERE s.kernel IS cell.kernel"
                   " AND s.flags IS cell.flags AND s.time_limit IS cell.time_limit)"),
    QStringLiteral("ALTER TABLE cell DROP COLUMN kernel"),
    QStringLiteral("ALTER TABLE cell DROP COLUMN flags"),
    QStringLiteral("ALTER TABLE cell DROP COLUMN time_limit"),
    QStringLiteral("CREATE TABLE renumbered(was INTEGER PRIMARY KEY, id INTEGER)"),
    QStringLiteral("INSERT INTO renumbered SELECT id, row_number() OVER (ORDER BY id) FROM cell"),
    QStringLiteral(
        "UPDATE task SET cell = (SELECT r.id FROM renumbered r WHERE r.was = task.cell)"),
    QStringLiteral("UPDATE cell SET id = (SELECT -r.id FROM renumbered r WHERE r.was = cell.id)"),
    QStringLiteral("UPDATE cell SET id = -id"),
    QStringLiteral("DROP TABLE renumbered")};

/// Who does things. The roles are those of `Role`.
const QString Actor = QStringLiteral(
    "CREATE TABLE actor(id INTEGER PRIMARY KEY, role INTEGER NOT NULL, name TEXT NOT NULL,"
    " UNIQUE(role, name))");

/// What was done. A submission of one task is in `task` instead: see auditsql.h.
const QString Audit = QStringLiteral(
    "CREATE TABLE audit("
    " id INTEGER PRIMARY KEY,"  // time and counter, as a task's
    " actor INTEGER NOT NULL REFERENCES actor(id),"
    " action INTEGER NOT NULL,"  // Action
    " notebook INTEGER REFERENCES notebook(id),"
    " object,"         // INTEGER: a task's id, TEXT: an asset, a kernelspec, a file
    " count INTEGER,"  // NULL: 1
    " detail TEXT)");
const QString ActorOfTask =
    QStringLiteral("ALTER TABLE task ADD COLUMN actor INTEGER REFERENCES actor(id)");

QString isoTime(const QString &milliseconds)
{
    return QStringLiteral("strftime('%Y-%m-%dT%H:%M:%fZ', (%1) / 1000.0, 'unixepoch')")
        .arg(milliseconds);
}

/// TaskId → its text, as toText(TaskId) writes it.
QString idText()
{
    QStringList digits;
    for (int shift = 55; shift >= 0; shift -= 5)
        digits << QStringLiteral(
                      "substr('0123456789abcdefghjkmnpqrstvwxyz', (t.id >> %1 & 31) + 1, 1)")
                      .arg(shift);
    return digits.join(QStringLiteral("||"));
}

/// As outputsOf(), of `o.value` where the task names a row of `output`.
QString outputsJson()
{
    return QStringLiteral(
               "CASE typeof(%1) WHEN 'text' THEN CASE substr(%1, 1, 1)"
               " WHEN 's' THEN json_array(json_object('name', 'stdout', 'output_type', 'stream',"
               " 'text', substr(%1, 2)))"
               " ELSE json_array(json_object('data', json_object('text/plain', substr(%1, 2)),"
               " 'execution_count', t.execution_count, 'metadata', json('{}'),"
               " 'output_type', 'execute_result')) END"
               " WHEN 'blob' THEN CAST(%1 AS TEXT) ELSE '[]' END")
        .arg(QStringLiteral("coalesce(o.value, t.outputs)"));
}

QString executionQueue(const QString &outputs, const QString &outputsJoin)
{
    // 1704067200000 is 2024-01-01, where the time in an id begins.
    const QString created = QStringLiteral("(t.id >> 15) + 1704067200000");
    const QString started = created + QStringLiteral(" + t.waited");
    const QString finished = created + QStringLiteral(" + coalesce(t.waited, 0) + t.ran");
    return QStringLiteral(
               "CREATE VIEW execution_queue(task_id, notebook_path, cell_index, code, status,"
               " created_at, started_at, completed_at, error_message, execution_count,"
               " outputs_json, retries) AS SELECT"
               " coalesce(k.name, %1), n.path, coalesce(c.position, -1), c.code,"
               " CASE t.state WHEN 0 THEN 'pending' WHEN 1 THEN 'running' WHEN 2 THEN 'completed'"
               " WHEN 3 THEN 'failed' WHEN 4 THEN 'cancelled' WHEN 5 THEN 'timeout'"
               " WHEN 6 THEN 'interrupted' END,"
               " %2, %3, %4, t.error, t.execution_count,"
               " %5, coalesce(t.retries, 0)"
               " FROM task t JOIN cell c ON c.id = t.cell JOIN notebook n ON n.id = c.notebook"
               " LEFT JOIN key k ON k.task = t.id%6")
        .arg(idText(), isoTime(created), isoTime(started), isoTime(finished), outputs, outputsJoin);
}

QString assetLeases()
{
    return QStringLiteral(
               "CREATE VIEW asset_leases(asset_path, notebook_path, last_seen, lease_expires,"
               " created_at) AS SELECT l.asset, n.path, %1, %2, %3"
               " FROM lease l JOIN notebook n ON n.id = l.notebook")
        .arg(isoTime(QStringLiteral("l.last_seen")), isoTime(QStringLiteral("l.expires")),
             isoTime(QStringLiteral("l.created")));
}

/// The leases get a table of the assets beside them.
QStringList leasesOfAssets()
{
    const QString expires = QStringLiteral(
        "l.expires + coalesce((SELECT value FROM setting WHERE name = 'lease_offset'), 0)");
    return {QStringLiteral("DROP VIEW asset_leases"),
            QStringLiteral("ALTER TABLE lease RENAME TO lease_before"),
            Asset,
            LeaseOfAsset,
            Recorded,
            QStringLiteral("INSERT INTO asset(path, bytes) SELECT asset, 0 FROM lease_before"),
            QStringLiteral("INSERT INTO lease SELECT a.id, b.notebook, b.last_seen, b.expires,"
                           " b.created FROM lease_before b JOIN asset a ON a.path = b.asset"),
            QStringLiteral("DROP TABLE lease_before"),
            QStringLiteral(
                "CREATE VIEW asset_leases(asset_path, notebook_path, last_seen, lease_expires,"
                " created_at) AS SELECT a.path, n.path, %1, %2, %3 FROM lease l"
                " JOIN asset a ON a.id = l.asset JOIN notebook n ON n.id = l.notebook")
                .arg(isoTime(QStringLiteral("l.last_seen")), isoTime(expires),
                     isoTime(QStringLiteral("l.created")))};
}

/// Orphaned messages that an operator shows with a task; `since` in ms since 1970.
const QString Adopted = QStringLiteral(
    "CREATE TABLE adopted(id INTEGER PRIMARY KEY, task INTEGER NOT NULL, parent TEXT NOT NULL,"
    " since INTEGER NOT NULL, outputs BLOB NOT NULL)");
const QString AdoptedOfTask = QStringLiteral("CREATE INDEX adopted_of_task ON adopted(task)");

/// Most tasks have none, so it is no column. A row goes with its task.
const QString Payload =
    QStringLiteral("CREATE TABLE payload(task INTEGER PRIMARY KEY, value BLOB NOT NULL)");

/// Which of its outputs a task shows under which display id: as JSON, see TaskDetail. Most tasks
/// have none. A row goes with its task.
const QString Shown =
    QStringLiteral("CREATE TABLE shown(task INTEGER PRIMARY KEY, displays BLOB NOT NULL)");

}  // namespace

const QList<QStringList> &migrations()
{
    static const QList<QStringList> list{
        {Notebook, Cell, Task, Unfinished, Key, KeyOfTask, Lease,
         executionQueue(QStringLiteral("coalesce(CAST(t.outputs AS TEXT), '[]')"), {}),
         assetLeases()},
        {Paused, StopOnErrorOf, StateLost, Moved, Kernel, Setting},
        leasesOfAssets(),
        QStringList{Terms, Output, NotCompleted} + SmallCells +
            QStringList{executionQueue(outputsJson(),
                                       QStringLiteral(" LEFT JOIN output o ON o.id = t.outputs"))},
        {Adopted, AdoptedOfTask},
        {Actor, Audit, ActorOfTask},
        {Payload},
        {Shown},
    };
    return list;
}

int currentSchema()
{
    return static_cast<int>(migrations().size());
}

}  // namespace celldeck::storage

#include "storage/pagemender.h"

#include <QFile>
#include <QLoggingCategory>
#include <QtEndian>
#include <algorithm>
#include <cstring>

#include "storage/connection.h"
#include "storage/schematext.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage.salvage", QtInfoMsg)

// Section 1.3, the database header, and 1.6, b-tree pages.
constexpr std::uint32_t HeaderBytes = 100;
constexpr std::uint32_t PageSizeAt = 16;
constexpr std::uint32_t PendingByte = 0x40000000;
constexpr unsigned char InnerTable = 0x05;
constexpr unsigned char LeafTable = 0x0d;
constexpr std::uint32_t CellsAt = 3;
constexpr std::uint32_t ContentAt = 5;
constexpr std::uint32_t RightmostAt = 8;
constexpr std::uint32_t LeafHeader = 8;
constexpr std::uint32_t InnerHeader = 12;

// Section 1.8, pointer map pages: a type and a page each.
constexpr std::uint32_t MapEntry = 5;
constexpr unsigned RootPage = 1;
constexpr unsigned TreePage = 5;

const QString Table = QStringLiteral("table");

std::uint32_t startOf(std::uint32_t page)
{
    return page == 1 ? HeaderBytes : 0;
}

/// Section 1.6, a varint: its value and its bytes; 0 bytes if it goes over the end.
struct Varint
{
    std::uint64_t value = 0;
    std::uint32_t bytes = 0;
};

Varint varintAt(const unsigned char *from, const unsigned char *end)
{
    Varint read;
    for (; read.bytes < 9 && from + read.bytes < end;) {
        const unsigned char byte = from[read.bytes++];
        if (read.bytes == 9)
            return {read.value << 8U | byte, 9};
        read.value = read.value << 7U | (byte & 0x7fU);
        if ((byte & 0x80U) == 0)
            return read;
    }
    return {};
}

std::uint32_t putVarint(unsigned char *to, std::uint64_t value)
{
    if (value >> 56U != 0) {
        to[8] = static_cast<unsigned char>(value);
        value >>= 8U;
        for (int i = 7; i >= 0; --i, value >>= 7U)
            to[i] = static_cast<unsigned char>((value & 0x7fU) | 0x80U);
        return 9;
    }
    std::uint32_t bytes = 1;
    for (std::uint64_t rest = value >> 7U; rest != 0; rest >>= 7U)
        ++bytes;
    for (std::uint32_t i = bytes; i > 0; --i, value >>= 7U)
        to[i - 1] = static_cast<unsigned char>((value & 0x7fU) | (i == bytes ? 0U : 0x80U));
    return bytes;
}

/// A file as memory, which is written back when it ends.
class Mapped
{
public:
    explicit Mapped(const QString &path) : m_file(path)
    {
        if (m_file.open(QIODevice::ReadWrite) && m_file.size() >= HeaderBytes)
            m_bytes = m_file.map(0, m_file.size());
        if (m_bytes) {
            const auto size = qFromBigEndian<quint16>(m_bytes + PageSizeAt);
            pageBytes = size == 1 ? 65'536 : size;
            pages = pageBytes >= 512 ? std::uint32_t(m_file.size() / pageBytes) : 0;
        }
    }

    [[nodiscard]] unsigned char *bytes() const { return m_bytes; }
    [[nodiscard]] Result<> good() const
    {
        if (pages > 0)
            return {};
        return fail(
            ErrorCode::StorageUnavailable,
            QStringLiteral("%1 cannot be read: %2").arg(m_file.fileName(), m_file.errorString()));
    }

    std::uint32_t pageBytes = 0;
    std::uint32_t pages = 0;

private:
    QFile m_file;
    unsigned char *m_bytes = nullptr;
};

/// What a file says of its tables, and where they begin.
Result<QList<SchemaEntry>> tablesOf(const QString &file)
{
    const auto connection = Connection::open(file, Connection::Mode::Read);
    if (!connection)
        return fail(connection.error());
    auto entries = schemaOf(**connection);
    if (entries)
        entries->removeIf([](const SchemaEntry &entry) { return entry.type != Table; });
    return entries;
}

bool hasRowid(const SchemaEntry &table)
{
    return !table.sql.endsWith(QLatin1String("WITHOUT ROWID"));
}

/// Whether a copy's tables are the model's but for a wrong byte here and there: most of them are
/// the same and in the same place, and not all.
bool areNearly(const QList<SchemaEntry> &tables, const QList<SchemaEntry> &ofModel)
{
    qsizetype same = 0;
    for (const SchemaEntry &wanted : ofModel)
        same += std::ranges::any_of(tables, [&wanted](const SchemaEntry &table) {
            return table.root == wanted.root && table.isAlike(wanted);
        });
    return same < ofModel.size() && 2 * same > ofModel.size();
}

/// Gives the copy the schema of the model: its first page, and those that this one leads to, which
/// come behind the copy's last.
Result<> takeSchema(const QString &copy, const QString &model)
{
    const Mapped from(model);
    if (const Result<> read = from.good(); !read)
        return read;
    const unsigned char *const first = from.bytes() + HeaderBytes;
    std::vector<std::uint32_t> moved;  // where the children's numbers are in the first page
    if (*first == InnerTable) {
        const auto cells = qFromBigEndian<quint16>(first + CellsAt);
        for (std::uint32_t i = 0; i < cells; ++i)
            moved.push_back(qFromBigEndian<quint16>(first + InnerHeader + 2 * i));
        moved.push_back(HeaderBytes + RightmostAt);
    }
    QFile file(copy);
    if (!file.open(QIODevice::ReadWrite))
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("%1: %2").arg(copy, file.errorString()));
    const auto pages = std::uint32_t(file.size() / from.pageBytes);
    QByteArray page(reinterpret_cast<const char *>(first), from.pageBytes - HeaderBytes);
    for (std::uint32_t i = 0; i < moved.size(); ++i) {
        const auto child = qFromBigEndian<quint32>(from.bytes() + moved[i]);
        file.seek(qint64(pages + i) * from.pageBytes);
        file.write(
            reinterpret_cast<const char *>(from.bytes()) + std::size_t(child - 1) * from.pageBytes,
            from.pageBytes);
        qToBigEndian(pages + i + 1, page.data() + moved[i] - HeaderBytes);
    }
    file.seek(HeaderBytes);
    if (file.write(page) != page.size() || !file.flush())
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("%1: %2").arg(copy, file.errorString()));
    return {};
}

}  // namespace

PageMender::PageMender(unsigned char *pages, std::uint32_t count, std::uint32_t pageBytes)
    : m_pages(pages), m_count(count), m_pageBytes(pageBytes)
{
    for (std::uint32_t page = 3; page <= m_count; ++page) {
        if (const Owner owner = ownerOf(page); owner.type == TreePage)
            m_children.insert(owner.page, page);
    }
}

unsigned char *PageMender::at(std::uint32_t page) const
{
    return m_pages + std::size_t(page - 1) * m_pageBytes;
}

PageMender::Owner PageMender::ownerOf(std::uint32_t page) const
{
    const std::uint32_t inOneMap = m_pageBytes / MapEntry;
    std::uint32_t map = (page - 2) / (inOneMap + 1) * (inOneMap + 1) + 2;
    if (map == PendingByte / m_pageBytes + 1)
        ++map;
    if (page <= map || page > m_count)
        return {};
    const unsigned char *const entry = at(map) + std::size_t(page - map - 1) * MapEntry;
    const Owner owner{entry[0], qFromBigEndian<quint32>(entry + 1)};
    const bool makesSense = owner.type >= RootPage && owner.type <= TreePage &&
                            owner.page <= m_count && (owner.type != TreePage || owner.page > 0);
    return makesSense ? owner : Owner{};
}

std::optional<std::int64_t> PageMender::lastKeyOfLeaf(std::uint32_t page) const
{
    const unsigned char *const start = at(page);
    const unsigned char *const header = start + startOf(page);
    const unsigned char *const end = start + m_pageBytes;
    const std::uint32_t cells = qFromBigEndian<quint16>(header + CellsAt);
    const std::uint32_t content = startOf(page) + LeafHeader + 2 * cells;
    if (header[0] != LeafTable || cells == 0 || content > m_pageBytes)
        return std::nullopt;
    std::optional<std::int64_t> last;
    for (std::uint32_t i = 0; i < cells; ++i) {
        const std::uint32_t cell = qFromBigEndian<quint16>(header + LeafHeader + 2 * i);
        if (cell < content || cell >= m_pageBytes)
            return std::nullopt;
        const Varint payload = varintAt(start + cell, end);
        const Varint key = varintAt(start + cell + payload.bytes, end);
        if (payload.bytes == 0 || key.bytes == 0 || (last && std::int64_t(key.value) <= *last))
            return std::nullopt;
        last = std::int64_t(key.value);
    }
    return last;
}

std::optional<std::vector<std::uint32_t>> PageMender::childrenIn(std::uint32_t page) const
{
    const unsigned char *const start = at(page);
    const unsigned char *const header = start + startOf(page);
    const std::uint32_t cells = qFromBigEndian<quint16>(header + CellsAt);
    const std::uint32_t content = startOf(page) + InnerHeader + 2 * cells;
    if (header[0] != InnerTable || content > m_pageBytes)
        return std::nullopt;
    std::vector<std::uint32_t> children;
    for (std::uint32_t i = 0; i < cells; ++i) {
        const std::uint32_t cell = qFromBigEndian<quint16>(header + InnerHeader + 2 * i);
        if (cell < content || cell + 4 >= m_pageBytes)
            return std::nullopt;
        children.push_back(qFromBigEndian<quint32>(start + cell));
    }
    children.push_back(qFromBigEndian<quint32>(header + RightmostAt));
    return children;
}

bool PageMender::isEmptyLeaf(std::uint32_t page) const
{
    const unsigned char *const header = at(page) + startOf(page);
    return header[0] == LeafTable && qFromBigEndian<quint16>(header + CellsAt) == 0;
}

bool PageMender::canBeRoot(std::uint32_t page) const
{
    if (page == 0 || page > m_count)
        return false;
    const Owner owner = ownerOf(page);
    return owner.type == RootPage || owner.type == 0;
}

int PageMender::mendTable(std::uint32_t root)
{
    m_lost = 0;
    if (root == 0 || root > m_count || isEmptyLeaf(root))
        return 0;
    const auto top = mend(root);
    if (!top)
        writeEmptyLeaf(root);
    else if (top->page != root && root > 1)  // Only the first page may lead to one page alone.
        std::memcpy(at(root), at(top->page), m_pageBytes);
    else if (top->page != root)
        writeInner(root, {*top});
    return m_lost;
}

std::optional<PageMender::Child> PageMender::mend(std::uint32_t page)
{
    if (page == 0 || page > m_count || m_seen.contains(page)) {
        ++m_lost;
        return std::nullopt;
    }
    m_seen.insert(page);
    if (const auto last = lastKeyOfLeaf(page))
        return Child{page, *last};
    const auto named = childrenIn(page);
    std::vector<std::uint32_t> all = named.value_or(std::vector<std::uint32_t>{});
    for (const std::uint32_t child : m_children.values(page)) {
        if (std::ranges::find(all, child) == all.end())
            all.push_back(child);
    }
    std::vector<Child> good;
    for (const std::uint32_t child : all) {
        const Owner owner = ownerOf(child);
        const bool isOurs = owner.type == 0 || (owner.type == TreePage && owner.page == page);
        if (const auto mended = isOurs ? mend(child) : std::nullopt)
            good.push_back(*mended);
    }
    if (good.empty()) {
        ++m_lost;
        return std::nullopt;
    }
    if (good.size() == 1)
        return good.front();
    std::ranges::sort(good, {}, &Child::lastKey);
    if (!named || good.size() != named->size() ||
        !std::ranges::equal(good, *named, {}, &Child::page))
        writeInner(page, good);
    return Child{page, good.back().lastKey};
}

void PageMender::writeInner(std::uint32_t page, const std::vector<Child> &children)
{
    constexpr std::uint32_t LargestCell = 4 + 9 + 2;
    const std::size_t most =
        (m_pageBytes - startOf(page) - InnerHeader) / LargestCell;  // and the rightmost
    const auto cells = std::uint32_t(std::min(children.size() - 1, most));
    m_lost += int(children.size() - 1 - cells);
    unsigned char *const start = at(page);
    unsigned char *const header = start + startOf(page);
    std::memset(header, 0, m_pageBytes - startOf(page));
    std::uint32_t content = m_pageBytes;
    for (std::uint32_t i = 0; i < cells; ++i) {
        unsigned char cell[LargestCell];
        qToBigEndian(children[i].page, cell);
        const std::uint32_t bytes = 4 + putVarint(cell + 4, std::uint64_t(children[i].lastKey));
        content -= bytes;
        std::memcpy(start + content, cell, bytes);
        qToBigEndian(static_cast<quint16>(content), header + InnerHeader + 2 * i);
    }
    header[0] = InnerTable;
    qToBigEndian(static_cast<quint16>(cells), header + CellsAt);
    qToBigEndian(static_cast<quint16>(content), header + ContentAt);
    qToBigEndian(children[cells].page, header + RightmostAt);
}

void PageMender::writeEmptyLeaf(std::uint32_t page)
{
    unsigned char *const header = at(page) + startOf(page);
    std::memset(header, 0, m_pageBytes - startOf(page));
    header[0] = LeafTable;
    qToBigEndian(static_cast<quint16>(m_pageBytes), header + ContentAt);
}

Result<> mendPages(const QString &copy, const QString &model)
{
    const auto expected = tablesOf(model);
    if (!expected)
        return fail(expected.error());
    int lost = 0;
    std::uint32_t pages = 0;
    bool hasThoseRoots = true;
    {
        const Mapped file(copy);
        if (const Result<> read = file.good(); !read)
            return read;
        PageMender mender(file.bytes(), file.pages, file.pageBytes);
        pages = file.pages;
        lost = mender.mendTable(1);
        for (const SchemaEntry &table : *expected)
            hasThoseRoots =
                hasThoseRoots &&
                (!hasRowid(table) || mender.canBeRoot(static_cast<std::uint32_t>(table.root)));
    }
    auto tables = tablesOf(copy);
    const bool isWrong =
        lost > 0 || !tables || tables->size() < expected->size() || areNearly(*tables, *expected);
    if (isWrong && hasThoseRoots) {
        qCWarning(log, "%s: its schema is taken from a new database", qUtf8Printable(copy));
        if (const Result<> taken = takeSchema(copy, model); !taken)
            return taken;
        tables = expected;
    }
    if (!tables)
        return fail(tables.error());
    const Mapped file(copy);
    if (const Result<> read = file.good(); !read)
        return read;
    // Not those that a new schema has come on: an old pointer may name them.
    PageMender mender(file.bytes(), pages, file.pageBytes);
    for (const SchemaEntry &table : *tables) {
        if (!hasRowid(table))
            continue;
        const int missing = mender.mendTable(static_cast<std::uint32_t>(table.root));
        if (missing > 0)
            qCWarning(log, "%d pages of the table %s cannot be read", missing,
                      qUtf8Printable(table.name));
    }
    return {};
}

}  // namespace celldeck::storage

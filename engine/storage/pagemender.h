#pragma once

#include <QHash>
#include <QSet>
#include <QString>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace celldeck::storage {

/// Makes the trees of a damaged database whole again, so that SQLite walks through them and meets
/// no page that cannot be read: leaves that make no sense are left out, and a page that only leads
/// to others is made anew from the pointer map, which says of each page whose child it is (such
/// maps are in files that give room back in steps, as ours do). What was deleted does not come
/// back: no page is used that no tree has.
///
/// Works on a copy, without a WAL, in the memory it is mapped to. Thread: any.
/// sqlite.org/fileformat2 has the sections that the code names.
class PageMender final
{
public:
    /// Requires: `pages` has `count` pages of `pageBytes`, and lives as long as this.
    PageMender(unsigned char *pages, std::uint32_t count, std::uint32_t pageBytes);

    /// Mends the tree of a table that has a rowid. Returns how many pages it has lost.
    int mendTable(std::uint32_t root);
    /// Whether that page can be the root of such a table.
    [[nodiscard]] bool canBeRoot(std::uint32_t page) const;

private:
    struct Child
    {
        std::uint32_t page;
        std::int64_t lastKey;
    };
    struct Owner
    {
        unsigned type = 0;  ///< 0: not known
        std::uint32_t page = 0;
    };

    [[nodiscard]] unsigned char *at(std::uint32_t page) const;
    [[nodiscard]] Owner ownerOf(std::uint32_t page) const;
    [[nodiscard]] std::optional<std::int64_t> lastKeyOfLeaf(std::uint32_t page) const;
    /// The children that an inner page names itself; nullopt if it makes no sense.
    [[nodiscard]] std::optional<std::vector<std::uint32_t>> childrenIn(std::uint32_t page) const;
    [[nodiscard]] bool isEmptyLeaf(std::uint32_t page) const;
    /// The top of what can be read below that page: itself, or the one page that is left of its
    /// children, since an inner page has two at least.
    std::optional<Child> mend(std::uint32_t page);
    void writeInner(std::uint32_t page, const std::vector<Child> &children);
    void writeEmptyLeaf(std::uint32_t page);

    unsigned char *const m_pages;
    const std::uint32_t m_count;
    const std::uint32_t m_pageBytes;
    QMultiHash<std::uint32_t, std::uint32_t> m_children;  // as the pointer map tells them
    QSet<std::uint32_t> m_seen;
    int m_lost = 0;
};

/// Makes `copy` one that can be walked through: mends its schema and each table. Where the schema
/// has been damaged it becomes that of `model`, a sound database with the same tables, which has
/// its roots where the damaged one had them. Fails with StorageUnavailable.
[[nodiscard]] Result<> mendPages(const QString &copy, const QString &model);

}  // namespace celldeck::storage

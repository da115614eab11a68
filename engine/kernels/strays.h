#pragma once

#include <QSet>
#include <QString>

namespace celldeck::kernels {

/// Ends kernels that were started from connection files of `folder` and that nobody knows any more
/// (their engine died before it had recorded them), and removes what is left of such files.
/// `known`: connection files to leave alone. Returns how many were ended.
/// Requires: no other engine uses that folder.
int endStrays(const QString &folder, const QSet<QString> &known);

}  // namespace celldeck::kernels

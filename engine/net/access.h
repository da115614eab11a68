#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

#include "base/result.h"

namespace celldeck::net {

/// Who may come in. Pure functions; the same rules for HTTP and WebSocket.
struct AccessRules
{
    QByteArray token;
    QStringList hosts;  ///< Allowed in Host and Origin besides the local names
};

/// Local is localhost, 127.0.0.1 or [::1], with any port: what a page of another site that has
/// rebound its name cannot send.
[[nodiscard]] bool isHostAllowed(const AccessRules &rules, const QByteArray &hostHeader);
/// A missing Origin is no browser's, and allowed.
[[nodiscard]] bool isOriginAllowed(const AccessRules &rules, const QByteArray &originHeader);
/// Takes the same time for every wrong token of the same length.
[[nodiscard]] bool isTokenRight(const AccessRules &rules, const QByteArray &given);
/// The token of an `Authorization: Bearer …` header, or "".
[[nodiscard]] QByteArray bearerToken(const QByteArray &authorizationHeader);

/// The token kept in that file (0600), made at the first start. Fails with Io.
[[nodiscard]] Result<QByteArray> loadOrMakeToken(const QString &path);

}  // namespace celldeck::net

#include "net/access.h"

#include <QFile>
#include <QRandomGenerator>
#include <QUrl>
#include <array>

namespace celldeck::net {

namespace {

bool isLocal(const QString &host)
{
    return host == QLatin1String("localhost") || host == QLatin1String("127.0.0.1") ||
           host == QLatin1String("::1");
}

bool isAllowed(const AccessRules &rules, const QUrl &url)
{
    const QString host = url.host().toLower();
    return url.isValid() && !host.isEmpty() && (isLocal(host) || rules.hosts.contains(host));
}

}  // namespace

bool isHostAllowed(const AccessRules &rules, const QByteArray &hostHeader)
{
    return isAllowed(
        rules, QUrl(QStringLiteral("http://") + QString::fromLatin1(hostHeader), QUrl::StrictMode));
}

bool isOriginAllowed(const AccessRules &rules, const QByteArray &originHeader)
{
    return originHeader.isEmpty() ||
           isAllowed(rules, QUrl(QString::fromLatin1(originHeader), QUrl::StrictMode));
}

bool isTokenRight(const AccessRules &rules, const QByteArray &given)
{
    if (rules.token.isEmpty() || given.size() != rules.token.size())
        return false;
    unsigned difference = 0;
    for (qsizetype i = 0; i < given.size(); ++i)
        difference |= static_cast<unsigned char>(given[i] ^ rules.token[i]);
    return difference == 0;
}

QByteArray bearerToken(const QByteArray &authorizationHeader)
{
    constexpr QByteArrayView scheme("bearer ");
    if (!authorizationHeader.left(scheme.size()).toLower().startsWith(scheme))
        return {};
    return authorizationHeader.mid(scheme.size()).trimmed();
}

Result<QByteArray> loadOrMakeToken(const QString &path)
{
    QFile file(path);
    if (file.open(QIODevice::ReadOnly)) {
        QByteArray kept = file.readAll().trimmed();
        if (!kept.isEmpty())
            return kept;
        file.close();
    }
    std::array<quint32, 8> random{};
    QRandomGenerator::system()->fillRange(random.data(), random.size());
    QByteArray token =
        QByteArray(reinterpret_cast<const char *>(random.data()),
                   static_cast<qsizetype>(sizeof random))
            .toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
    QFile::remove(path);
    QFile fresh(path);
    if (fresh.open(QIODevice::WriteOnly | QIODevice::NewOnly,
                   QFileDevice::ReadOwner | QFileDevice::WriteOwner) &&
        fresh.write(token + '\n') == token.size() + 1 && fresh.flush())
        return token;
    return fail(
        ErrorCode::Io,
        QStringLiteral("the token file %1 cannot be written (%2)").arg(path, fresh.errorString()));
}

}  // namespace celldeck::net

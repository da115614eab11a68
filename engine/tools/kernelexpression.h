#pragma once

#include "tools/services.h"

/// Expressions of ours that a kernel evaluates beside its cells: silent, without a trace in the
/// user's variables, history or counter. What a client has sent gets into one only as a text in
/// hexadecimal digits, never as code.
namespace celldeck::tools {

/// A Python expression that is the text.
[[nodiscard]] QString pythonText(const QString &text);
/// An expression that moves the kernel to that folder. Fails with InvalidArgument for languages
/// that this does not know.
[[nodiscard]] Result<QString> changeFolderExpression(const QString &language,
                                                     const QString &folder);

/// What a kernel answers to a request: the content of its reply. Fails with NoKernel, KernelDied,
/// Timeout (it runs a cell) or InvalidArgument (it says so).
[[nodiscard]] QCoro::Task<Result<kernels::Answer>> askKernel(const Services *services, QString path,
                                                             QByteArray type, Json content,
                                                             const TaskScope *scope);
/// The text/plain of an expression's value. Fails as `askKernel` does.
[[nodiscard]] QCoro::Task<Result<QString>> evaluate(const Services *services, QString path,
                                                    QString expression, const TaskScope *scope);
/// What a Python expression gives, which has to be a JSON text in Base64 (it is shown as it is,
/// whatever the kernel's display settings).
[[nodiscard]] QCoro::Task<Result<kernels::Answer>> evaluateJson(const Services *services,
                                                                QString path, QString expression,
                                                                const TaskScope *scope);

}  // namespace celldeck::tools

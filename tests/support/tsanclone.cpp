// For the tsan preset only. ThreadSanitizer 19 takes every clone() for a fork(); Qt's QProcess
// calls it as a vfork(), with the parent's memory, and the runtime then finds its own state changed
// by the child. This one goes past the runtime, which has nothing to learn from a child that execs.
#include <cstdarg>

extern "C" {

int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

__attribute__((disable_sanitizer_instrumentation)) int clone(int (*function)(void *), void *stack,
                                                             int flags, void *argument, ...)
{
    std::va_list rest;
    va_start(rest, argument);
    void *parentId = va_arg(rest, void *);
    void *tls = va_arg(rest, void *);
    void *childId = va_arg(rest, void *);
    va_end(rest);
    return __clone(function, stack, flags, argument, parentId, tls, childId);
}
}

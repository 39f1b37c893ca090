#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/syscall.h>
#include <unistd.h>

/// A file in memory alone: `memfd_create`, which the headers show only to GNU sources.
static inline int crdkafka_memory_file(const char *name) {
    return (int)syscall(SYS_memfd_create, name, 1U /* MFD_CLOEXEC */);
}

/* What a C library does with locks: a bounded queue over pthread's, the same over C11's, and a lock of each kind. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SPACE 2

static struct {
    pthread_mutex_t lock;
    pthread_cond_t space, item;
    int count;
    long sum;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

void queue_put(int value) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == SPACE)
        pthread_cond_wait(&queue.space, &queue.lock);
    queue.count++;
    queue.sum += value;
    pthread_cond_signal(&queue.item);
    pthread_mutex_unlock(&queue.lock);
}

void queue_take(void) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0)
        pthread_cond_wait(&queue.item, &queue.lock);
    queue.count--;
    pthread_cond_signal(&queue.space);
    pthread_mutex_unlock(&queue.lock);
}

long queue_sum(void) { return queue.sum; }

static mtx_t lock11;
static cnd_t changed11;
static int count11;

int c11_setup(void) { return mtx_init(&lock11, mtx_plain) | cnd_init(&changed11); }

int c11_put(void) {
    int bad = mtx_lock(&lock11);
    count11++;
    bad |= cnd_broadcast(&changed11);
    return bad | mtx_unlock(&lock11);
}

int c11_take(void) {
    int bad = mtx_lock(&lock11);
    while (count11 == 0)
        bad |= cnd_wait(&changed11, &lock11);
    count11--;
    return bad | mtx_unlock(&lock11);
}

int c11_times_out(long nanoseconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += nanoseconds;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    mtx_lock(&lock11);
    int result;
    do
        result = cnd_timedwait(&changed11, &lock11, &until);
    while (result == thrd_success);
    mtx_unlock(&lock11);
    return result == thrd_timedout;
}

/* A variadic call with fewer arguments than the hook has parameters. */
long plain_syscall(void) { return syscall(SYS_getpid); }

long bad_futex(void *word) {
    errno = 0;
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 1, 0) == -1 ? errno : 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*init)(void);
static void initialise(void) { init(); }

void run_once(void (*f)(void)) {
    init = f;
    pthread_once(&once, initialise);
}

static once_flag once11 = ONCE_FLAG_INIT;

void run_once11(void (*f)(void)) { call_once(&once11, f); }

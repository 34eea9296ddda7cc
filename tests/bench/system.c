/* SPDX-License-Identifier: MIT */
/* What the guest's kernel does for programs: system calls, faults, switches, interrupts. */
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, FAULT_PAGES = 512, FILE_PAGES = 64 };

/* A program that cannot go on ends its process; main.c reports the status. */
static void require(bool good)
{
    if (!good) {
        _exit(3);
    }
}

static uint64_t run_syscall(uint64_t rounds)
{
    uint64_t same = 0;
    pid_t parent = getppid();
    for (uint64_t i = 0; i < rounds; i++) {
        same += syscall(SYS_getppid) == parent;
    }
    return same;
}

static uint8_t *map_pages(size_t n)
{
    uint8_t *p =
        mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(p != MAP_FAILED);
    madvise(p, n * PAGE, MADV_NOHUGEPAGE);
    return p;
}

static uint64_t run_fault(uint64_t rounds)
{
    uint64_t sum = 0;
    while (rounds--) {
        uint8_t *p = map_pages(FAULT_PAGES);
        for (size_t i = 0; i < FAULT_PAGES; i++) {
            sum += p[i * PAGE + 8];
            p[i * PAGE + 16] = (uint8_t)i;
        }
        for (size_t i = 0; i < FAULT_PAGES; i += 7) {
            sum += p[i * PAGE + 16];
        }
        require(munmap(p, FAULT_PAGES * PAGE) == 0);
    }
    return sum;
}

static uint64_t run_mprotect(uint64_t rounds)
{
    uint8_t *p = map_pages(4);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        volatile uint8_t *byte = p + PAGE + (i & 15);
        *byte = (uint8_t)i;
        require(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
        sum += *byte;
        require(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    }
    munmap(p, 4 * PAGE);
    return sum;
}

static uint64_t run_pipe(uint64_t rounds)
{
    int there[2], back[2];
    uint32_t x = 1;
    require(pipe(there) == 0 && pipe(back) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &x, sizeof(x)) == sizeof(x)) {
            x = x * 5 + 1;
            require(write(back[1], &x, sizeof(x)) == sizeof(x));
        }
        _exit(0);
    }
    close(there[0]);
    for (uint64_t i = 0; i < rounds; i++) {
        require(write(there[1], &x, sizeof(x)) == sizeof(x));
        require(read(back[0], &x, sizeof(x)) == sizeof(x));
    }
    close(there[1]);
    require(waitpid(child, NULL, 0) == child);
    close(back[0]);
    close(back[1]);
    return x;
}

static uint64_t run_exec(uint64_t rounds)
{
    uint64_t good = 0;
    while (rounds--) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "bench", "nop", (char *)NULL);
            _exit(1);
        }
        require(waitpid(child, &status, 0) == child);
        good += status == 0;
    }
    return good;
}

struct game {
    uint32_t turn;
    uint64_t rounds, sum;
};

static void wait_turn(uint32_t *word, uint32_t mine)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != mine) {
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, mine ^ 1, NULL, NULL, 0);
    }
}

static void pass_turn(uint32_t *word, uint32_t to)
{
    __atomic_store_n(word, to, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *other_player(void *opaque)
{
    struct game *g = opaque;
    for (uint64_t i = 0; i < g->rounds; i++) {
        wait_turn(&g->turn, 1);
        g->sum = g->sum * 3 + 1;
        pass_turn(&g->turn, 0);
    }
    return NULL;
}

static uint64_t run_threads(uint64_t rounds)
{
    struct game g = {0, rounds, 0};
    pthread_t thread;
    require(pthread_create(&thread, NULL, other_player, &g) == 0);
    for (uint64_t i = 0; i < rounds; i++) {
        wait_turn(&g.turn, 0);
        g.sum += i;
        pass_turn(&g.turn, 1);
    }
    require(pthread_join(thread, NULL) == 0);
    return g.sum;
}

static volatile uint64_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

static uint64_t run_signal(uint64_t rounds)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &sa, NULL);
    signals = 0;
    while (rounds--) {
        raise(SIGUSR1);
    }
    return signals;
}

static uint64_t run_tmpfs(uint64_t rounds)
{
    static uint8_t page[PAGE];
    uint64_t sum = 0;
    int fd = open("bench.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0);
    while (rounds--) {
        for (int i = 0; i < FILE_PAGES; i++) {
            page[i] = (uint8_t)(rounds + (uint64_t)i);
            require(pwrite(fd, page, PAGE, (off_t)i * PAGE) == PAGE);
        }
        for (int i = 0; i < FILE_PAGES; i++) {
            require(pread(fd, page, PAGE, (off_t)(i * 5 % FILE_PAGES) * PAGE) == PAGE);
            sum = bench_mix(sum, page[i]);
        }
    }
    close(fd);
    unlink("bench.tmp");
    return sum;
}

static uint64_t run_files(uint64_t rounds)
{
    uint64_t good = 0;
    char name[32] = "bench.file.a";
    while (rounds--) {
        name[11] = (char)('a' + rounds % 26);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        good += fd >= 0;
        close(fd);
        good += unlink(name) == 0;
    }
    return good;
}

static timer_t timer;
static volatile uint64_t ticks_left;

static void arm_timer(void)
{
    struct itimerspec soon = {.it_value.tv_nsec = 1000};
    require(timer_settime(timer, 0, &soon, NULL) == 0);
}

static void on_tick(int number)
{
    (void)number;
    if (--ticks_left) {
        arm_timer();
    }
}

/* Each tick is a timer armed for 1 us ahead, its interrupt, and its signal; no idling. */
static uint64_t run_timer(uint64_t rounds)
{
    struct sigaction sa = {.sa_handler = on_tick};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    sigaction(SIGUSR2, &sa, NULL);
    require(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    ticks_left = rounds;
    arm_timer();
    while (ticks_left) {
    }
    timer_delete(timer);
    return rounds;
}

const struct bench bench_system[] = {
    {"syscall", "system", "getppid()", run_syscall, 300000, 1, NULL},
    {"page-fault", "system", "fresh page", run_fault, 60, FAULT_PAGES, NULL},
    {"mprotect", "system", "pair of calls", run_mprotect, 30000, 1, NULL},
    {"pipe", "system", "round trip", run_pipe, 6000, 1, NULL},
    {"fork-exec", "system", "process", run_exec, 100, 1, NULL},
    {"threads", "system", "round trip", run_threads, 8000, 1, NULL},
    {"signal", "system", "signal", run_signal, 50000, 1, NULL},
    {"tmpfs", "system", "4 KiB transfer", run_tmpfs, 400, FILE_PAGES * 2, NULL},
    {"files", "system", "create and unlink", run_files, 10000, 1, NULL},
    {"timer", "system", "interrupt", run_timer, 5000, 1, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

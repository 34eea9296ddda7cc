/* SPDX-License-Identifier: MIT */
#include "frontend/block/drive.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <time.h>

/* Reads up to this size are answered without a worker when the host has the data in memory. */
enum { DIRECT_READ_MAX = 128 << 10, IDLE_SECONDS = 1 };

struct drive_job {
    struct block_req *req;
    struct drive_job *next;
    int error;
};

_Static_assert(sizeof(struct block_vec) == sizeof(struct iovec) &&
                   offsetof(struct block_vec, base) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct block_vec, len) == offsetof(struct iovec, iov_len),
               "a request's vectors are passed to the host as they are");

static void list_init(struct drive_list *l)
{
    l->head = NULL;
    l->tail = &l->head;
}

static void list_put(struct drive_list *l, struct drive_job *j)
{
    j->next = NULL;
    *l->tail = j;
    l->tail = &j->next;
}

static struct drive_job *list_take(struct drive_list *l)
{
    struct drive_job *j = l->head;

    if (j) {
        l->head = j->next;
        if (!l->head)
            l->tail = &l->head;
    }
    return j;
}

/* ---- in a worker ---- */

static int write_or_zero(struct drive *d, const struct block_req *r, const struct vec *v)
{
    if (d->image.zeroes != ZEROES_OFF && vec_is_zero(v, 0, r->bytes))
        return image_zero(d->img, r->offset, r->bytes, d->image.zeroes == ZEROES_UNMAP);
    return image_write(d->img, v, 0, r->offset, r->bytes);
}

static int flush(struct drive *d)
{
    uint64_t now = __atomic_load_n(&d->changes, __ATOMIC_ACQUIRE);
    int error;

    if (d->image.no_flush || now == __atomic_load_n(&d->flushed, __ATOMIC_RELAXED))
        return 0;
    error = image_flush(d->img);
    if (!error)
        __atomic_store_n(&d->flushed, now, __ATOMIC_RELAXED);
    return error;
}

static int perform(struct drive *d, const struct block_req *r)
{
    struct vec v = {(const struct iovec *)r->vec, r->n_vec};
    int error = 0;

    if (r->op == BLOCK_FLUSH)
        return flush(d);
    if (!r->bytes)
        return 0;
    switch (r->op) {
    case BLOCK_READ: return image_read(d->img, &v, 0, r->offset, r->bytes);
    case BLOCK_WRITE: error = write_or_zero(d, r, &v); break;
    case BLOCK_ZERO: error = image_zero(d->img, r->offset, r->bytes, d->image.unmap); break;
    case BLOCK_DISCARD: error = image_discard(d->img, r->offset, r->bytes); break;
    case BLOCK_FLUSH: break;
    }
    __atomic_add_fetch(&d->changes, 1, __ATOMIC_RELEASE);
    return error;
}

static bool untended(const struct drive *d)
{
    return d->img && d->tended != __atomic_load_n(&d->changes, __ATOMIC_RELAXED);
}

/* Nothing to do: after a while what is only in memory goes to the image. Lock held. */
static void wait_for_work(struct drive *d)
{
    struct timespec until;

    d->idle++;
    if (untended(d)) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        if (pthread_cond_timedwait(&d->work, &d->lock, &until) == ETIMEDOUT && untended(d) &&
            !d->stop) {
            d->tended = __atomic_load_n(&d->changes, __ATOMIC_RELAXED);
            d->tending++;
            pthread_mutex_unlock(&d->lock);
            image_idle(d->img);
            pthread_mutex_lock(&d->lock);
            d->tending--;
            pthread_cond_broadcast(&d->finish);
        }
    } else {
        pthread_cond_wait(&d->work, &d->lock);
    }
    d->idle--;
}

static void *worker(void *opaque)
{
    struct drive *d = opaque;

    pthread_mutex_lock(&d->lock);
    for (;;) {
        struct drive_job *j = list_take(&d->queue);

        if (!j && d->stop)
            break;
        if (!j) {
            wait_for_work(d);
            continue;
        }
        d->queued--;
        pthread_mutex_unlock(&d->lock);
        j->error = perform(d, j->req);
        pthread_mutex_lock(&d->lock);
        list_put(&d->done, j);
        pthread_cond_signal(&d->finish);
        pthread_mutex_unlock(&d->lock);
        defer_post(d->env->defer, &d->answer);
        pthread_mutex_lock(&d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* ---- on the machine's thread ---- */

/* No thread can be had: the request is carried out here. */
static void do_it_here(struct drive *d)
{
    struct drive_job *j = list_take(&d->queue);

    d->queued--;
    j->error = perform(d, j->req);
    list_put(&d->done, j);
    defer_post(d->env->defer, &d->answer);
}

static void enqueue(struct drive *d, struct drive_job *j)
{
    pthread_mutex_lock(&d->lock);
    list_put(&d->queue, j);
    if (++d->queued > d->idle && d->workers < DRIVE_WORKERS &&
        !pthread_create(&d->thread[d->workers], NULL, worker, d))
        d->workers++;
    if (!d->workers)
        do_it_here(d);
    else if (d->idle)
        pthread_cond_signal(&d->work);
    pthread_mutex_unlock(&d->lock);
}

static bool read_at_once(struct drive *d, const struct block_req *r)
{
    struct vec v = {(const struct iovec *)r->vec, r->n_vec};

    return r->op == BLOCK_READ && r->bytes && r->bytes <= DIRECT_READ_MAX &&
           !image_read_nowait(d->img, &v, 0, r->offset, r->bytes);
}

static void drive_submit(struct block *b, struct block_req *r)
{
    struct drive *d = container_of(b, struct drive, blk);
    struct drive_job *j = d->spare;

    if (j)
        d->spare = j->next;
    else
        j = g_new(struct drive_job, 1);
    *j = (struct drive_job){.req = r};
    r->backend = j;
    d->under_way++;
    if (!read_at_once(d, r)) {
        enqueue(d, j);
        return;
    }
    pthread_mutex_lock(&d->lock);
    list_put(&d->done, j);
    pthread_mutex_unlock(&d->lock);
    defer_post(d->env->defer, &d->answer);
}

/* True: the request stays here until it is tried again. */
static bool hold(struct drive *d, struct drive_job *j)
{
    enum block_op op = j->req->op;
    enum drive_policy p = op == BLOCK_READ ? d->opts->rerror : d->opts->werror;

    if (p == DRIVE_IGNORE)
        j->error = 0;
    if (d->no_hold || !(p == DRIVE_STOP || (p == DRIVE_ENOSPC && j->error == ENOSPC)))
        return false;
    list_put(&d->held, j);
    d->n_held++;
    d->env->io_error(d->env->opaque, &d->blk, op, j->error);
    return true;
}

static void answer(void *opaque)
{
    struct drive *d = opaque;
    struct drive_job *j;

    for (;;) {
        struct block_req *r;
        int error;

        pthread_mutex_lock(&d->lock);
        j = list_take(&d->done);
        pthread_mutex_unlock(&d->lock);
        if (!j)
            return;
        d->under_way--;
        if (j->error && hold(d, j))
            continue;
        r = j->req;
        error = j->error;
        j->next = d->spare;
        d->spare = j;
        r->backend = NULL;
        r->done(r, error);
    }
}

static void wait_until_answered(struct drive *d)
{
    for (answer(d); d->under_way; answer(d)) {
        pthread_mutex_lock(&d->lock);
        while (!d->done.head)
            pthread_cond_wait(&d->finish, &d->lock);
        pthread_mutex_unlock(&d->lock);
    }
}

void drive_retry(struct drive *d)
{
    struct drive_list list = d->held;
    struct drive_job *j;

    if (!d->n_held)
        return;
    list_init(&d->held);
    d->n_held = 0;
    while ((j = list_take(&list))) {
        j->error = 0;
        d->under_way++;
        enqueue(d, j);
    }
}

static void drive_drain(struct block *b)
{
    struct drive *d = container_of(b, struct drive, blk);
    bool before = d->no_hold;

    wait_until_answered(d);
    d->no_hold = true; /* what failed gets its last chance */
    drive_retry(d);
    wait_until_answered(d);
    d->no_hold = before;
}

void drive_settle(struct drive *d)
{
    wait_until_answered(d);
    if (d->img)
        flush(d);
}

/* ---- the medium ---- */

static void set_image(struct drive *d, struct image *img)
{
    pthread_mutex_lock(&d->lock);
    while (d->tending)
        pthread_cond_wait(&d->finish, &d->lock);
    d->img = img;
    d->tended = d->flushed = d->changes;
    pthread_mutex_unlock(&d->lock);
    d->blk.present = img != NULL;
    d->blk.bytes = img ? img->bytes : 0;
    d->blk.readonly = img ? img->readonly : d->opts->image.readonly;
}

void drive_remove(struct drive *d)
{
    struct image *old = d->img;

    drive_drain(&d->blk);
    set_image(d, NULL);
    image_close(old);
    g_free(d->file);
    g_free(d->format);
    d->file = d->format = NULL;
}

bool drive_open(struct drive *d, const struct image_opts *o, struct err *e)
{
    struct image_opts copy = *o;
    struct image *img = image_open(&copy, e);

    if (!img)
        return false;
    drive_remove(d);
    d->file = g_strdup(o->file);
    d->format = g_strdup(o->format);
    d->image = *o;
    d->image.file = d->file;
    d->image.format = d->format;
    set_image(d, img);
    return true;
}

/* ---- life ---- */

void drive_init(struct drive *d, const struct drive_opts *o, const struct drives_env *env)
{
    static const struct block_ops ops = {.submit = drive_submit, .drain = drive_drain};
    pthread_condattr_t attr;

    *d = (struct drive){.opts = o, .env = env, .image = o->image};
    d->blk = (struct block){.id = o->id,
                            .serial = o->serial,
                            .ops = &ops,
                            .readonly = o->image.readonly,
                            .removable = o->cdrom || o->type == DRIVE_FLOPPY};
    d->answer = (struct defer){.fn = answer, .opaque = d};
    list_init(&d->held);
    list_init(&d->queue);
    list_init(&d->done);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->work, &attr);
    pthread_cond_init(&d->finish, NULL);
    pthread_condattr_destroy(&attr);
}

void drive_finish(struct drive *d)
{
    drive_remove(d);
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_broadcast(&d->work);
    pthread_mutex_unlock(&d->lock);
    for (unsigned i = 0; i < d->workers; i++)
        pthread_join(d->thread[i], NULL);
    defer_cancel(d->env->defer, &d->answer);
    while (d->spare) {
        struct drive_job *j = d->spare;

        d->spare = j->next;
        g_free(j);
    }
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->work);
    pthread_cond_destroy(&d->finish);
}

/* SPDX-License-Identifier: MIT
 * One drive: takes requests on the machine's thread, has worker threads carry them out on an
 * image, answers through the deferred queue, keeps what failed until it is tried again. All
 * functions: machine's thread. */
#ifndef FRONTEND_BLOCK_DRIVE_H
#define FRONTEND_BLOCK_DRIVE_H

#include "frontend/block/drives.h"
#include "frontend/block/image.h"

enum { DRIVE_WORKERS = 4 };

struct drive_job;
struct drive_list {
    struct drive_job *head, **tail;
};

struct drive {
    struct block blk;
    const struct drive_opts *opts;
    const struct drives_env *env;
    bool taken;
    struct image *img;       /* NULL: no medium */
    struct image_opts image; /* how img was opened; its texts are file and format */
    char *file, *format;

    unsigned under_way, n_held; /* requests */
    struct drive_list held;     /* failed, waiting for drive_retry */
    bool no_hold;               /* failures are answered whatever the policy says */
    struct drive_job *spare;
    struct defer answer;

    pthread_mutex_t lock;  /* for what follows */
    pthread_cond_t work;   /* there is a job, or stop */
    pthread_cond_t finish; /* a job is done, or a worker has left the image alone */
    struct drive_list queue, done;
    unsigned queued, idle, workers, tending;
    pthread_t thread[DRIVE_WORKERS];
    bool stop;
    uint64_t changes, flushed; /* counts changes; up to which they are on stable storage */
    uint64_t tended;           /* changes when image_idle was last called */
};

void drive_init(struct drive *d, const struct drive_opts *o, const struct drives_env *env);
void drive_finish(struct drive *d);

/* Puts in the medium that o describes, after the old one is gone. */
bool drive_open(struct drive *d, const struct image_opts *o, struct err *e);
void drive_remove(struct drive *d);
void drive_retry(struct drive *d);
void drive_settle(struct drive *d); /* nothing under way, everything on stable storage */

#endif

/* SPDX-License-Identifier: MIT
 * Device core. A class is constant data: name, property table, state-field table, regions
 * with access widths, lifecycle. An instance is a struct whose first member is struct dev.
 * Behaviour lives in the device file, placement (addresses, IRQs) in the board.
 *
 *   dev_init -> set properties and wires -> dev_realize -> dev_map -> dev_reset -> ...
 *   -> dev_finish */
#ifndef SOFTMMU_DEV_H
#define SOFTMMU_DEV_H

#include "softmmu/clock.h"
#include "softmmu/err.h"
#include "softmmu/space.h"
#include "softmmu/types.h"

#define DEV_MAX_REGIONS 8

enum prop_type {
    PROP_BOOL,
    PROP_U8,
    PROP_U16,
    PROP_U32,
    PROP_U64,
    PROP_STR,     /* char *, the device core's copy; NULL by default */
    PROP_DRIVE,   /* struct block *: drive=ID, found by dev_env; NULL by default */
    PROP_CHARDEV, /* struct chardev *: chardev=ID, the same */
};

/* A property is a field of the instance that -device may set before realize. */
struct prop {
    const char *name;
    enum prop_type type;
    uint32_t offset;
    uint64_t def;
};
#define PROP(kind, type_, member, name_, def_)                                                 \
    {                                                                                          \
        .name = name_, .type = kind, .offset = offsetof(type_, member), .def = def_            \
    }
#define PROP_END                                                                               \
    {                                                                                          \
        .name = NULL                                                                           \
    }

/* A state field is all that a snapshot needs of the guest-visible state. */
enum state_kind {
    STATE_UINT,  /* bool or unsigned integers of `size` bytes (1, 2, 4, 8), `count` of them */
    STATE_EVENT, /* struct event: queued or not, and its deadline */
    STATE_BYTES, /* a pointer to bytes of the instance, their number in a uint32_t at `size` */
};
struct state_field {
    const char *name;
    enum state_kind kind;
    uint32_t offset, size, count;
    bool kept; /* survives reset (battery-backed, or a time of day) */
};
#define STATE(type_, member)                                                                   \
    {                                                                                          \
        .name = #member, .kind = STATE_UINT, .offset = offsetof(type_, member),                \
        .size = sizeof(((type_ *)0)->member), .count = 1                                       \
    }
#define STATE_KEPT(type_, member)                                                              \
    {                                                                                          \
        .name = #member, .kind = STATE_UINT, .offset = offsetof(type_, member),                \
        .size = sizeof(((type_ *)0)->member), .count = 1, .kept = true                         \
    }
#define STATE_ARRAY(type_, member)                                                             \
    {                                                                                          \
        .name = #member, .kind = STATE_UINT, .offset = offsetof(type_, member),                \
        .size = sizeof(((type_ *)0)->member[0]), .count = ARRAY_SIZE(((type_ *)0)->member)     \
    }
#define STATE_ARRAY_KEPT(type_, member)                                                        \
    {                                                                                          \
        .name = #member, .kind = STATE_UINT, .offset = offsetof(type_, member),                \
        .size = sizeof(((type_ *)0)->member[0]), .count = ARRAY_SIZE(((type_ *)0)->member),    \
        .kept = true                                                                           \
    }
#define STATE_EV(type_, member)                                                                \
    {                                                                                          \
        .name = #member, .kind = STATE_EVENT, .offset = offsetof(type_, member),               \
        .size = sizeof(struct event), .count = 1                                               \
    }
#define STATE_HEAP(type_, member, bytes_)                                                      \
    {                                                                                          \
        .name = #member, .kind = STATE_BYTES, .offset = offsetof(type_, member),               \
        .size = offsetof(type_, bytes_), .count = 1                                            \
    }
#define STATE_END                                                                              \
    {                                                                                          \
        .name = NULL                                                                           \
    }

enum region_kind { REGION_PORT, REGION_MEM };

/* What the board can place; handlers get the struct dev as opaque. */
struct dev_region {
    const char *name; /* NULL ends the table */
    enum region_kind kind;
    uint64_t size; /* bytes */
    struct io_ops ops;
};

struct dev;

/* Where a class plugs in. */
enum dev_bus {
    DEV_BUS_NONE, /* a part of the board */
    DEV_BUS_ISA,
    DEV_BUS_PCI, /* the instance begins with struct pci_fn */
    DEV_BUS_IDE,
};

struct dev_class {
    const char *name;  /* as in -device; appears in logs */
    const char *alias; /* optional second name */
    enum dev_bus bus;
    const char *kind; /* heading in the list of -device: "Storage", "Network" ...; NULL: the
                       * class is made by the board only */
    const char *desc; /* optional, for that list */
    size_t size;      /* of the instance struct */
    const struct prop *props;
    const struct state_field *state;
    const struct dev_region *regions;
    /* optional; properties and wires are set by now; must not touch the regions */
    bool (*realize)(struct dev *d, struct err *e);
    void (*reset)(struct dev *d);     /* power-on state; drives its lines accordingly */
    void (*unrealize)(struct dev *d); /* optional; frees what realize took */
    void (*loaded)(struct dev *d);    /* optional; state fields were replaced (snapshot) */
};

struct block;
struct chardev;

/* Another default of a property than the class's. */
struct dev_default {
    const struct dev_class *cls;
    const char *prop, *value;
};

/* What a device may reach of its machine. */
struct dev_env {
    struct space *mem, *ports;
    struct clock *clock;
    /* back ends by id, for properties; NULL and *e when there is none or it is in use */
    void *opaque;
    struct block *(*find_drive)(void *opaque, const char *id, struct err *e);
    struct chardev *(*find_chardev)(void *opaque, const char *id, struct err *e);
    const struct dev_default *defaults; /* checked ones; the last of several counts */
    unsigned n_defaults;
};

/* Whether it names a property that can have a default, and a value of its type. */
bool dev_check_default(const struct dev_default *d, struct err *e);

struct dev {
    const struct dev_class *cls;
    const char *id; /* for messages; owned by the board */
    bool named;     /* the user gave it */
    const struct dev_env *env;
    bool realized;
    bool mapped[DEV_MAX_REGIONS];
    gpa base[DEV_MAX_REGIONS];
};

/* Fills a zeroed instance: class, environment, property defaults. But for strings, nothing is
 * owned but the reference to env, which must outlive the device. */
void dev_init(struct dev *d, const struct dev_class *cls, const char *id,
              const struct dev_env *env);
/* What the user calls it, "" when he gave it no name. */
static inline const char *dev_user_id(const struct dev *d)
{
    return d->named ? d->id : "";
}
/* Sets a property from text (numbers as in C, on/off/true/false for bool). */
bool dev_set_prop(struct dev *d, const char *name, const char *value, struct err *e);
const struct prop *dev_find_prop(const struct dev_class *cls, const char *name); /* or NULL */
bool dev_realize(struct dev *d, struct err *e);
void dev_reset(struct dev *d);
/* Returns when no request is under way on its drives. */
void dev_drain(struct dev *d);
/* Unmaps, unrealizes; allowed at any stage after dev_init and on a zeroed struct. Every
 * queued STATE_EV event is cancelled. */
void dev_finish(struct dev *d);

/* Places region `n` of the class at base; it must not be placed already. `size` 0 is the
 * class's own size, otherwise it overrides (a device with an iosize property). */
bool dev_map(struct dev *d, unsigned n, gpa base, uint64_t size, struct err *e);
void dev_unmap(struct dev *d, unsigned n); /* no-op when it is not placed */

/* Compares the state fields that reset defines of two instances of a class, events only by
 * being queued. Returns the name of the first that differs, NULL when none does. */
const char *dev_reset_differs(const struct dev *a, const struct dev *b);
/* Prints "id.field = value" lines (monitor). */
void dev_print_state(const struct dev *d, void (*out)(void *opaque, const char *line),
                     void *opaque);

static inline uint64_t dev_now(const struct dev *d)
{
    return clock_now(d->env->clock);
}

#endif

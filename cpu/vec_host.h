/* SPDX-License-Identifier: MIT
 * The host's floating-point state while a vector instruction is computed. On x86 MXCSR is
 * used directly: <fenv.h> would also save and reload the x87 environment, which is slow and
 * loses a guest's instruction pointers there. -DVEC_HOST_FENV forces the portable way. */
#ifndef CPU_VEC_HOST_H
#define CPU_VEC_HOST_H

#include "cpu/vec_ops.h"

#if defined(__x86_64__) && !defined(VEC_HOST_FENV)

struct vec_host {
    uint32_t mxcsr;
};

static inline uint32_t vec_host_get(void)
{
    uint32_t v;

    __asm__ volatile("stmxcsr %0" : "=m"(v) : : "memory");
    return v;
}

static inline void vec_host_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v) : "memory");
}

static inline void vec_host_save(struct vec_host *h)
{
    h->mxcsr = vec_host_get();
}

static inline void vec_host_restore(const struct vec_host *h)
{
    vec_host_set(h->mxcsr);
}

/* Default environment, rounding by an RC field: no traps, no flags, denormals kept. */
static inline void vec_host_round(unsigned rc)
{
    vec_host_set(MXCSR_RESET | (rc & 3) << MXCSR_RC_POS);
}

static inline void vec_host_clear(void)
{
    vec_host_set(vec_host_get() & ~MXCSR_FLAGS);
}

static inline bool vec_host_inexact(void)
{
    return vec_host_get() & MXCSR_PE;
}

#else

#include <fenv.h>

struct vec_host {
    fenv_t env;
};

static inline void vec_host_save(struct vec_host *h)
{
    fegetenv(&h->env);
}

static inline void vec_host_restore(const struct vec_host *h)
{
    fesetenv(&h->env);
}

static inline void vec_host_round(unsigned rc)
{
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};

    fesetenv(FE_DFL_ENV);
    fesetround(modes[rc & 3]);
}

static inline void vec_host_clear(void)
{
    feclearexcept(FE_ALL_EXCEPT);
}

static inline bool vec_host_inexact(void)
{
    return fetestexcept(FE_INEXACT);
}

#endif

#endif

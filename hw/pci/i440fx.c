/* SPDX-License-Identifier: MIT
 * Intel 82441FX (PMC, 290549-001), 82371SB (PIIX3, 290550-002), 82371AB (PIIX4,
 * 290562-001) data sheets, configuration registers. Left out: effects of DRAM timing and
 * SMRAM registers (there is no SMM: A0000 never shows RAM), IDE and USB functions, the SMBus
 * host. */
#include "hw/pci/i440fx.h"

#include <string.h>

#define PCI_COMMAND 0x04
#define PCI_STATUS  0x06

#define PIRQ_ROUTE   0x60 /* PIIX3 PIRQRC[A:D] */
#define PIRQ_OFF     0x80
#define ISA_ROUTABLE 0xdef8u /* IRQ 3-7, 9-12, 14, 15 */

#define PMBASE    0x40 /* PIIX4 function 3 of the data sheet */
#define PMREGMISC 0x80
#define PMIOSE    0x01

/* By this firmware knows that fw_cfg is there. */
static void set_subsystem(struct pci_fn *fn)
{
    pci_fn_set16(fn, 0x2c, 0x1af4);
    pci_fn_set16(fn, 0x2e, 0x1100);
}

#define SMRAM      0x72
#define SMRAM_LOCK 0x10 /* D_LCK: D_OPEN is off and nothing moves until reset */
#define SMRAM_OPEN 0x40

static void i440fx_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    struct i440fx *f = container_of(fn, struct i440fx, pci);
    uint8_t *smram = &fn->config[SMRAM];

    if (*smram & SMRAM_LOCK) {
        *smram &= ~SMRAM_OPEN;
        fn->wmask[SMRAM] = 0x20; /* D_CLS */
    }
    if (f->memory_changed && offset < I440FX_PAM + 7 && I440FX_PAM < offset + size)
        f->memory_changed(f->opaque);
}

static bool i440fx_realize(struct dev *d, struct err *e)
{
    struct i440fx *f = (struct i440fx *)d;
    uint8_t *w = f->pci.wmask;

    pci_fn_header(&f->pci, 0x8086, 0x1237, 2, 0x060000, 0);
    pci_fn_set16(&f->pci, PCI_COMMAND, 0x0006);
    pci_fn_set16(&f->pci, PCI_STATUS, 0x0280);
    set_subsystem(&f->pci);
    w[PCI_COMMAND] = 0;
    w[PCI_COMMAND + 1] = 0x01; /* SERR# enable */
    w[0x0c] = w[0x3c] = 0;
    w[0x0d] = 0xf8;             /* latency timer */
    memset(w + 0x50, 0xff, 9);  /* PMCCFG, DETURBO, DBC, AXC, DRT, DRAMC, DRAMT */
    memset(w + 0x59, 0x77, 7);  /* PAM */
    memset(w + 0x60, 0xff, 8);  /* DRB */
    w[0x68] = 0xc0;             /* FDHC */
    w[0x70] = 0xff;             /* MTT */
    w[0x71] = 0xff;             /* CLT */
    w[0x72] = 0x7f;             /* SMRAM */
    w[0x90] = 0xff;             /* ERRCMD */
    w[0x93] = 0xff;             /* TRC */
    f->pci.config[0x57] = 0x01; /* DRAMC */
    memset(f->pci.config + 0x60, 0x01, 8);
    f->pci.config[SMRAM] = 0x02;
    f->pci.config_written = i440fx_written;
    return true;
}

static void i440fx_reset(struct dev *d)
{
    struct i440fx *f = (struct i440fx *)d;

    pci_fn_reset(&f->pci);
    f->pci.wmask[SMRAM] = 0x78;
    if (f->memory_changed)
        f->memory_changed(f->opaque);
}

/* Recomputes which ISA interrupts the PIRQs drive, and tells what changed. */
static void piix3_update(struct piix3 *p)
{
    uint16_t driven = 0, changed;
    unsigned n;

    for (n = 0; n < 4; n++) {
        uint8_t route = p->pci.config[PIRQ_ROUTE + n];

        if ((p->pirq_level >> n & 1) && !(route & PIRQ_OFF))
            driven |= 1u << (route & 15);
    }
    driven &= ISA_ROUTABLE;
    changed = driven ^ p->isa_driven;
    p->isa_driven = driven;
    for (n = 0; n < 16 && p->isa_irq; n++)
        if (changed >> n & 1)
            p->isa_irq(p->opaque, n, driven >> n & 1);
}

void piix3_set_pirq(void *opaque, int n, int level)
{
    struct piix3 *p = opaque;
    uint8_t bit = 1u << (n & 3);

    p->pirq_level = level ? p->pirq_level | bit : p->pirq_level & ~bit;
    piix3_update(p);
}

static void piix3_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    piix3_update(container_of(fn, struct piix3, pci));
}

static bool piix3_realize(struct dev *d, struct err *e)
{
    struct piix3 *p = (struct piix3 *)d;
    uint8_t *w = p->pci.wmask;

    p->pci.config_written = piix3_written;
    pci_fn_header(&p->pci, 0x8086, 0x7000, 0, 0x060100, 0x80);
    pci_fn_set16(&p->pci, PCI_COMMAND, 0x0007);
    pci_fn_set16(&p->pci, PCI_STATUS, 0x0200);
    set_subsystem(&p->pci);
    w[PCI_COMMAND] = 0x08; /* special cycle enable */
    w[PCI_COMMAND + 1] = w[0x0c] = w[0x3c] = 0;
    p->pci.w1c[PCI_STATUS + 1] = 0x38;
    w[0x4c] = 0xff;            /* IORT */
    memset(w + 0x4e, 0xff, 2); /* XBCS */
    memset(w + PIRQ_ROUTE, 0x8f, 4);
    w[0x69] = 0xfe;            /* TOM */
    w[0x70] = w[0x71] = 0xcf;  /* MBIRQ */
    memset(w + 0x76, 0x8f, 2); /* MBDMA */
    w[0x80] = 0x7f;            /* APICBASE */
    w[0x82] = 0x0f;            /* DLC */
    p->pci.config[0x4c] = 0x4d;
    p->pci.config[0x4e] = 0x03;
    memset(p->pci.config + PIRQ_ROUTE, PIRQ_OFF, 4);
    p->pci.config[0x69] = 0x02;
    p->pci.config[0x70] = p->pci.config[0x71] = 0x80;
    memset(p->pci.config + 0x76, 0x04, 2);
    return true;
}

static void piix3_reset(struct dev *d)
{
    struct piix3 *p = (struct piix3 *)d;

    pci_fn_reset(&p->pci);
    piix3_update(p);
}

static void piix4_pm_update(struct piix4_pm *p)
{
    if (p->set_pmbase)
        p->set_pmbase(p->opaque, p->pci.config[PMREGMISC] & PMIOSE,
                      pci_fn_get32(&p->pci, PMBASE) & 0xffc0);
}

static void piix4_pm_written(struct pci_fn *fn, unsigned offset, unsigned size)
{
    piix4_pm_update(container_of(fn, struct piix4_pm, pci));
}

static bool piix4_pm_realize(struct dev *d, struct err *e)
{
    struct piix4_pm *p = (struct piix4_pm *)d;
    uint8_t *w = p->pci.wmask;

    p->pci.config_written = piix4_pm_written;
    pci_fn_header(&p->pci, 0x8086, 0x7113, 3, 0x068000, 0);
    pci_fn_set16(&p->pci, PCI_STATUS, 0x0280);
    set_subsystem(&p->pci);
    p->pci.config[0x3d] = 1;
    pci_fn_set32(&p->pci, PMBASE, 1);
    pci_fn_set32(&p->pci, 0x90, 1);
    p->pci.config[0x5b] =
        0x02;              /* APMC_EN: firmware takes SMM for set up, and leaves it alone */
    w[PCI_COMMAND] = 0x01; /* for the SMBus ports */
    w[PCI_COMMAND + 1] = w[0x0c] = 0;
    p->pci.w1c[PCI_STATUS + 1] = 0x08;
    w[0x3c] = 0xff; /* interrupt line */
    w[PMBASE] = 0xc0;
    w[PMBASE + 1] = 0xff;
    memset(w + 0x44, 0xff, 0x78 - 0x44); /* CNTA .. device resources */
    w[PMREGMISC] = PMIOSE;
    w[0x90] = 0xf0; /* SMBBA */
    w[0x91] = 0xff;
    memset(w + 0xd2, 0xff, 4); /* SMBus configuration */
    return true;
}

static void piix4_pm_reset(struct dev *d)
{
    struct piix4_pm *p = (struct piix4_pm *)d;

    pci_fn_reset(&p->pci);
    piix4_pm_update(p);
}

static const struct state_field i440fx_state[] = {PCI_FN_STATE(struct i440fx, pci), STATE_END};

static const struct state_field piix3_state[] = {PCI_FN_STATE(struct piix3, pci),
                                                 STATE_KEPT(struct piix3, pirq_level),
                                                 STATE(struct piix3, isa_driven), STATE_END};

static const struct state_field piix4_pm_state[] = {PCI_FN_STATE(struct piix4_pm, pci),
                                                    STATE_END};

const struct dev_class i440fx_class = {
    .name = "i440fx",
    .bus = DEV_BUS_PCI,
    .size = sizeof(struct i440fx),
    .state = i440fx_state,
    .realize = i440fx_realize,
    .reset = i440fx_reset,
};

const struct dev_class piix3_class = {
    .name = "piix3",
    .bus = DEV_BUS_PCI,
    .size = sizeof(struct piix3),
    .state = piix3_state,
    .realize = piix3_realize,
    .reset = piix3_reset,
};

const struct dev_class piix4_pm_class = {
    .name = "piix4-pm",
    .bus = DEV_BUS_PCI,
    .size = sizeof(struct piix4_pm),
    .state = piix4_pm_state,
    .realize = piix4_pm_realize,
    .reset = piix4_pm_reset,
};

/* SPDX-License-Identifier: MIT
 * The monitor without threads: framing, expressions, line editing, arguments, screens and keys
 * with back ends made here, and both languages under random input. */
#include <glib.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "cpu/cpuid.h"
#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"
#include "softmmu/defer.h"
#include "tests/fuzz.h"
#include "translator/run.h"

/* --- a machine that stands: the monitor sees it through vm.h ---------------------------- */

struct vm {
    struct opts o;
    struct loop *loop;
    struct chr_host host;
    struct chr *chr[2];
    struct pc *pc;
    struct cpu *cpu;
    struct cpu_model model;
    struct clock clock;
    uint64_t now;
    struct display display;
    struct input_sink input;
    enum vm_state state;
    unsigned quits, resets, powerdowns;
    void (*event_fn)(void *opaque, const struct vm_event *ev);
    void *event_opaque;
    GString *out[2]; /* of each monitor */
    struct monitors *ms;
};

enum vm_state vm_state(const struct vm *vm)
{
    return vm->state;
}

const char *vm_state_name(enum vm_state s)
{
    return s == VM_RUNNING ? "running" : "paused";
}

void vm_pause(struct vm *vm, enum vm_state why)
{
    vm->state = why;
}

bool vm_resume(struct vm *vm, struct err *e)
{
    if (vm->state == VM_SHUTDOWN)
        return err_set(e, "Resetting the Virtual Machine is required");
    vm->state = VM_RUNNING;
    return true;
}

void vm_reset(struct vm *vm, enum vm_cause cause)
{
    struct vm_event ev = {VM_EV_RESET, cause};

    vm->resets++;
    if (vm->event_fn)
        vm->event_fn(vm->event_opaque, &ev);
}

void vm_powerdown(struct vm *vm)
{
    vm->powerdowns++;
}

void vm_quit(struct vm *vm, int status, enum vm_cause cause)
{
    vm->quits++;
}

bool vm_ending(const struct vm *vm)
{
    return vm->quits > 0;
}

void vm_run_on_cpu(struct vm *vm, void (*fn)(void *opaque), void *opaque)
{
    fn(opaque);
}

const char *vm_cause_name(enum vm_cause c)
{
    return "a-reason";
}

bool vm_cause_guest(enum vm_cause c)
{
    return false;
}

void vm_on_event(struct vm *vm, void (*fn)(void *opaque, const struct vm_event *ev),
                 void *opaque)
{
    vm->event_fn = fn;
    vm->event_opaque = opaque;
}

struct chr *vm_chr(struct vm *vm, unsigned i)
{
    return vm->chr[i];
}

struct pc *vm_pc(struct vm *vm)
{
    return vm->pc;
}

struct cpu *vm_cpu(struct vm *vm)
{
    return vm->cpu;
}

struct clock *vm_clock(struct vm *vm)
{
    return &vm->clock;
}

struct drives *vm_drives(struct vm *vm)
{
    return NULL;
}

const struct display *vm_display(struct vm *vm)
{
    return vm->display.update ? &vm->display : NULL;
}

const struct input_sink *vm_input(struct vm *vm)
{
    return &vm->input;
}

const struct opts *vm_opts(const struct vm *vm)
{
    return &vm->o;
}

int vm_thread_id(const struct vm *vm)
{
    return 4711;
}

/* --- building it ------------------------------------------------------------------------ */

static struct vm *fixture; /* chardev_write has no place for it */

static size_t collect(struct chardev *d, const uint8_t *buf, size_t n)
{
    for (unsigned i = 0; i < 2; i++)
        if (d == &fixture->ms->mon[i].port->chr && fixture->out[i]->len < 1 << 24)
            g_string_append_len(fixture->out[i], (const char *)buf, (gssize)n);
    return n;
}

static uint64_t now_fn(void *opaque)
{
    return ((struct vm *)opaque)->now;
}

enum { QMP, HMP };

static struct vm *start(void)
{
    struct vm *vm = g_new0(struct vm, 1);
    struct pc_config cfg = {.ram_bytes = 4 << 20, .clock = &vm->clock, .tsc_hz = CPU_TSC_HZ};
    struct run_opts ro = {.jit = false};
    struct err e = {""};

    fixture = vm;
    clock_init(&vm->clock, now_fn, vm);
    clock_start(&vm->clock);
    vm->loop = loop_create(&e);
    for (unsigned i = 0; i < 2; i++) {
        vm->o.chardev[i] = (struct chardev_opts){.kind = CHARDEV_NULL, .id = i ? "hmp" : "qmp"};
        vm->o.mon[i] = (struct mon_opts){.chardev = (int)i, .control = i == QMP};
        vm->chr[i] = chr_open(&vm->o.chardev[i], vm->loop, &vm->host, &e);
        vm->out[i] = g_string_new(NULL);
    }
    vm->o.chardevs = vm->o.mons = 2;
    vm->o.name = "guest=box,debug-threads=on";
    vm->pc = pc_create(&cfg, &e);
    g_assert_true(cpu_model_parse(&vm->model, "max", &e));
    vm->cpu = cpu_create(vm->pc->mem, 4 << 20, &vm->model, true, &e);
    g_assert_true(run_attach(vm->cpu, &ro, &e));
    pc_reset(vm->pc);
    cpu_reset(vm->cpu);
    vm->ms = monitors_create(vm, &e);
    for (unsigned i = 0; i < 2; i++) {
        struct mon *m = &vm->ms->mon[i];

        m->port->chr.write = collect;
        m->port->event(m->port->event_opaque, CHR_OPENED);
    }
    return vm;
}

static void stop(struct vm *vm)
{
    monitors_destroy(vm->ms);
    for (unsigned i = 0; i < 2; i++) {
        chr_close(vm->chr[i]);
        g_string_free(vm->out[i], TRUE);
    }
    pc_destroy(vm->pc);
    run_detach(vm->cpu);
    cpu_destroy(vm->cpu);
    loop_destroy(vm->loop);
    g_free(vm);
}

static void send(struct vm *vm, unsigned i, const void *text, size_t n)
{
    g_assert_cmpuint(chardev_feed(&vm->ms->mon[i].port->chr, text, n), ==, n);
}

/* What the monitor says to a text; valid until the next. */
static const char *ask(struct vm *vm, unsigned i, const char *text)
{
    g_string_truncate(vm->out[i], 0);
    send(vm, i, text, strlen(text));
    return vm->out[i]->str;
}

static void expect(const char *got, const char *want)
{
    if (!strstr(got, want))
        g_error("'%s' lacks '%s'", got, want);
}

#define READY "{\"execute\": \"qmp_capabilities\"}"

/* A command line as human-monitor-command runs it. */
static const char *say(struct vm *vm, const char *line)
{
    g_string_truncate(vm->out[HMP], 0);
    mon_run_line(vm->ms, line, vm->out[HMP]);
    return vm->out[HMP]->str;
}

/* --- parsers ---------------------------------------------------------------------------- */

static void test_frames(void)
{
    static const struct {
        const char *bytes, *frames; /* joined by | */
    } rows[] = {
        {"{}", "{}"},
        {"{}{\"a\":1} \r\n {}", "{}|{\"a\":1}|{}"},
        {"{\"a\":{\"b\":[1,{}]}}", "{\"a\":{\"b\":[1,{}]}}"},
        {"{\"}\":\"\\\"}\"}", "{\"}\":\"\\\"}\"}"},
        {"{'a':'x\"y'}", "{\"a\":\"x\\\"y\"}"},
        {"{'a':'it\\'s'}", "{\"a\":\"it's\"}"},
        {"hello {}", "hello|{}"},
        {"} {}", "}|{}"},
        {"{\xff{}", "{|{}"},
        {"[1] ", "[1]"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct qmp_framer f = {.text = g_string_new(NULL)};
        GString *got = g_string_new(NULL);
        for (const char *p = rows[i].bytes; *p; p++) {
            if (!qmp_frame_byte(&f, (uint8_t)*p))
                continue;
            g_string_append_printf(got, "%s%s", got->len ? "|" : "", f.text->str);
            g_string_truncate(f.text, 0);
        }
        g_assert_cmpstr(got->str, ==, rows[i].frames);
        g_string_free(got, TRUE);
        g_string_free(f.text, TRUE);
    }
}

static void test_long_frame(void)
{
    struct vm *vm = start();
    char *text = g_strnfill(MON_FRAME_MAX + 10, 'x');

    text[0] = '{';
    text[1] = '"';
    expect(ask(vm, QMP, text), "too long");
    expect(ask(vm, QMP, " " READY), "{\"return\": {}}");
    g_free(text);
    stop(vm);
}

static void test_expressions(void)
{
    static const struct {
        const char *text;
        int64_t value;
        const char *rest;
    } good[] = {
        {"1", 1, ""},
        {"0x10 + 2*3", 22, ""},
        {"(1+2)*3 next", 9, "next"},
        {"-1", -1, ""},
        {"~0&0xff", 255, ""},
        {"10-3-2", 5, ""},
        {"7/2%2", 1, ""},
        {"16 /tmp/x", 16, "/tmp/x"},
        {"16 / (2)", 8, ""},
        {"'a'", 97, ""},
        {"0xffffffffffffffff", -1, ""},
        {"-9223372036854775808/-1", INT64_MIN, ""},
        {"1|6^2", 5, ""},
        {"010", 8, ""},
    };
    static const char *const bad[] = {
        "", "+", "(1", "1/0", "1%0", "$nope", "$", "x", ")", "0x1ffffffffffffffff", "1+", "''"};
    struct err e;
    int64_t v;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        const char *p = good[i].text;
        if (!mon_expr(NULL, &p, &v, &e))
            g_error("%s: %s", good[i].text, e.msg);
        g_assert_cmpint(v, ==, good[i].value);
        g_assert_cmpstr(p, ==, good[i].rest);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *p = bad[i];
        e.msg[0] = 0;
        g_assert_false(mon_expr(NULL, &p, &v, &e));
        g_assert_true(e.msg[0]);
    }
    char *deep = g_strnfill(100000, '(');
    const char *p = deep;
    g_assert_false(mon_expr(NULL, &p, &v, &e));
    g_free(deep);
}

static GString *typed, *entered;

static void type_put(void *opaque, const char *text)
{
    g_string_append(typed, text);
}

static void type_done(void *opaque, const char *line)
{
    g_string_append_printf(entered, "<%s>", line);
    line_prompt(*(struct line **)opaque);
}

static char *type_complete(void *opaque, const char *start)
{
    return !strcmp(start, "qu") ? g_strdup("it ") : NULL;
}

static void test_line(void)
{
    static const struct {
        const char *keys, *lines;
    } rows[] = {
        {"abc\r", "<abc>"},
        {"abc\r\nd\n\n", "<abc><d><>"},
        {"ab\bc\r", "<ac>"},
        {"ab\177\177\177c\r", "<c>"},
        {"one two\027x\r", "<one x>"},
        {"abc\001X\005Y\r", "<XabcY>"},
        {"abc\002\002\013\r", "<a>"},
        {"abc\025d\r", "<d>"},
        {"abc\033[D\033[DX\033[CY\r", "<aXbYc>"},
        {"abc\033[H\033[3~\033[FZ\r", "<bcZ>"},
        {"one\rtwo\r\033[A\033[A!\r", "<one><two><one!>"},
        {"one\r\033[A\033[Bx\r", "<one><x>"},
        {"\033[B\033[A\020\020\016\016\004\r", "<>"},
        {"qu\t\r", "<quit >"},
        {"zz\tz\r", "<zzz>"},
        {"a\033[999;5~b\033Oc\r", "<ab>"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct line *l;
        struct line_host host = {type_put, type_done, type_complete, &l};
        typed = g_string_new(NULL);
        entered = g_string_new(NULL);
        l = line_create("> ", &host);
        line_prompt(l);
        for (const char *p = rows[i].keys; *p; p++)
            line_key(l, (uint8_t)*p);
        g_assert_cmpstr(entered->str, ==, rows[i].lines);
        line_destroy(l);
        g_string_free(typed, TRUE);
        g_string_free(entered, TRUE);
    }
}

/* --- the languages ------------------------------------------------------------------------ */

static void test_qmp(void)
{
    struct vm *vm = start();

    expect(vm->out[QMP]->str, "{\"QMP\": {\"version\": {\"qemu\": {");
    expect(ask(vm, QMP, "{\"execute\": \"stop\", \"id\": [1]}"), "CommandNotFound");
    g_assert_cmpint(vm->state, ==, VM_RUNNING);
    expect(ask(vm, QMP, READY), "{\"return\": {}}\r\n");
    expect(ask(vm, QMP, READY), "already complete");
    expect(ask(vm, QMP, "{\"execute\": \"stop\", \"id\": {\"a\": 1}}"),
           "{\"return\": {}, \"id\": {\"a\": 1}}\r\n");
    g_assert_cmpint(vm->state, ==, VM_PAUSED);
    expect(ask(vm, QMP, "{'execute': 'query-status'}"), "\"status\": \"paused\"");
    expect(ask(vm, QMP, "{\"execute\": \"frob\"}"),
           "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command frob has not");
    expect(ask(vm, QMP, "{\"execute\": \"quit\", \"arguments\": {\"x\": 1}}"),
           "Parameter 'x' is unexpected");
    expect(ask(vm, QMP, "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0}}"),
           "Parameter 'size' is missing");
    expect(ask(vm, QMP, "{\"execute\": \"send-key\", \"arguments\": {\"keys\": 1}}"),
           "expected: array");
    expect(ask(vm, QMP,
               "{\"execute\": \"human-monitor-command\", \"arguments\": "
               "{\"command-line\": 1}}"),
           "Invalid parameter type for 'command-line', expected: string");
    expect(ask(vm, QMP, "{\"frob\": 1}"), "QMP input member 'frob' is unexpected");
    expect(ask(vm, QMP, "{}"), "lacks member 'execute'");
    expect(ask(vm, QMP, "[]"), "must be a JSON object");
    expect(ask(vm, QMP, "{\"execute\": 1}"), "must be a string");
    expect(ask(vm, QMP, "{\"execute\": \"stop\", \"arguments\": []}"), "must be an object");
    expect(ask(vm, QMP, "{]"), "JSON parse error");
    expect(ask(vm, QMP, "{\"execute\": \"\xc3\x28\"}"), "JSON parse error");
    expect(ask(vm, QMP, "frob "), "JSON parse error");
    expect(ask(vm, QMP, "{\"execute\": \"query-name\"}"), "{\"name\": \"box\"}");
    expect(ask(vm, QMP, "{\"execute\": \"query-cpus-fast\"}"), "\"thread-id\": 4711");
    expect(ask(vm, QMP, "{\"execute\": \"query-commands\"}"), "{\"name\": \"query-commands\"}");
    expect(ask(vm, QMP, "{\"execute\": \"system_reset\"}"),
           "\"event\": \"RESET\", \"data\": {\"guest\": false, \"reason\": \"a-reason\"}}");
    monitor_block_io_error(vm->ms, "ide0-hd0", "write", "stop", ENOSPC);
    expect(vm->out[QMP]->str, "\"event\": \"BLOCK_IO_ERROR\"");
    expect(vm->out[QMP]->str, "\"nospace\": true");
    vm->ms->mon[QMP].port->event(&vm->ms->mon[QMP], CHR_CLOSED);
    ask(vm, QMP, "");
    monitor_event(vm->ms, "STOP", NULL); /* nobody has negotiated */
    g_assert_cmpuint(vm->out[QMP]->len, ==, 0);
    stop(vm);
}

static const struct {
    const char *line, *want;
} hmp_lines[] = {
    {"frob", "unknown command: 'frob'"},
    {"info frob", "unknown command: 'info frob'"},
    {"info", "info registers"},
    {"help", "sendkey KEY"},
    {"help x", "x /FMT ADDRESS"},
    {"? nothing", "Error: there is no command 'nothing'"},
    {"p 1+1", "0x2\n"},
    {"p/d 0-1", "-1\n"},
    {"p/c 65", "'A'\n"},
    {"p $rip", "0xfff0\n"},
    {"p $cs.base", "0xffff0000\n"},
    {"p $frob", "Error: unknown register 'frob'"},
    {"p", "Error: value is missing"},
    {"p 1 2", "Error: '2' is too much"},
    {"p/z 1", "Error: invalid char in format: 'z'"},
    {"x/9999999x 0", "Error: at most"},
    {"xp/2xb 0", "0000000000000000: 0x11 0x22\n"},
    {"xp /1xh 0", "0000000000000000: 0x2211\n"},
    {"xp/1dw 4", "         -2\n"},
    {"xp/3c 8", "'h' 'i' '\\x00'"},
    {"xp/2i 16", "nop"},
    {"x/1xb 0xfffffffffffff000", "0x"},
    {"gva2gpa 0x1234", "gpa: 0x1234"},
    {"i /b 0x61", "portb[0x0061] = 0x"},
    {"i 0x70 0x14", "Error: "},
    {"info registers", "EIP=0000fff0"},
    {"info mem", "PG disabled"},
    {"info tlb", "PG disabled"},
    {"info pci", "Host bridge: PCI device 8086:1237"},
    {"info qtree", "dev: i8042, id \"\"\n"},
    {"info mtree", "ram-640k"},
    {"info pic", "pic0: irr=00"},
    {"info lapic", "SPIV"},
    {"info lapic 1", "Error: "},
    {"info irq", "IRQ 15"},
    {"info jit", "blocks"},
    {"eject cd0", "Error: Device 'cd0' not found"},
    {"eject", "Error: Parameter 'device' is missing"},
    {"change cd0 file", "Error: Device 'cd0' not found"},
    {"eject -x cd0", "Error: unknown option -x"},
    {"info chardev", "qmp: filename=null"},
    {"info cpus", "thread_id=4711"},
    {"info name", "box"},
    {"info uuid", "00000000-0000-0000-0000-000000000000"},
    {"info version", "8.2.0"},
    {"info status", "VM status: running"},
    {"cpu 1", "Error: invalid CPU index"},
    {"log frob", "Error: unknown log item 'frob'"},
    {"sendkey a", "Error: the machine has no keyboard"},
    {"screendump /tmp/x", "Error: There is no console"},
    {"memsave 0 1 \"/nonexistent/a b\"", "Could not open '/nonexistent/a b'"},
    {"pmemsave 0 0x7fffffffffffffff /dev/null", "Error: Invalid addr"},
    {"memsave 0 1 \"unterminated", "Error: unterminated string"},
};

static void test_hmp(void)
{
    struct vm *vm = start();

    memcpy(vm->pc->memory.ram.host,
           "\x11\x22\x33\x44\xfe\xff\xff\xff"
           "hi\0\0\0\0\0\0\x90\x90",
           18);
    for (unsigned i = 0; i < G_N_ELEMENTS(hmp_lines); i++) {
        const char *got = say(vm, hmp_lines[i].line);

        if (!strcmp(hmp_lines[i].line, "i 0x70 0x14")) /* index, then the data port */
            expect(got, "portb[0x0071] = 0x06");
        else if (!strstr(got, hmp_lines[i].want))
            g_error("%s: '%s' lacks '%s'", hmp_lines[i].line, got, hmp_lines[i].want);
    }
    g_assert_cmpstr(say(vm, "  # a comment"), ==, "");
    g_assert_cmpstr(say(vm, " s"), ==, "");
    g_assert_cmpint(vm->state, ==, VM_PAUSED);
    say(vm, "system_powerdown");
    say(vm, "q");
    g_assert_cmpuint(vm->powerdowns, ==, 1);
    g_assert_cmpuint(vm->quits, ==, 1);
    vm->quits = 0;
    expect(ask(vm, HMP, "p 2\r"), "p 2\r\n0x2\r\n(qemu) ");
    expect(ask(vm, HMP, "info stat\t\r"), "info status ");
    stop(vm);
}

/* Page tables of each kind, one of which holds itself. */
static void test_page_tables(void)
{
    struct vm *vm = start();
    uint64_t *ram = (uint64_t *)(void *)vm->pc->memory.ram.host;

    ram[0x1000 / 8] = 0x2007; /* PML4 -> PDPT -> PD -> 2 MiB page, and a table */
    ram[0x2000 / 8] = 0x3007;
    ram[0x3000 / 8] = 0x87;
    ram[0x3008 / 8] = 0x4005;
    ram[0x4000 / 8] = 0x8000000000005003ull;
    vm->cpu->cr3 = 0x1000;
    vm->cpu->cr4 = CR4_PAE;
    vm->cpu->efer = EFER_LME | EFER_LMA | EFER_NXE;
    vm->cpu->cr0 = CR0_PG | CR0_PE;
    expect(say(vm, "info mem"), "0000000000000000-0000000000200000 0000000000200000 urw");
    expect(say(vm, "info mem"), "0000000000200000-0000000000201000 0000000000001000 -r-");
    expect(say(vm, "info tlb"), "0000000000200000: 0000000000005000 X-------W");
    expect(say(vm, "info registers"), "RIP=000000000000fff0");
    for (unsigned i = 0; i < 512; i++)
        ram[0x1000 / 8 + i] = 0x1007; /* 512^4 pages */
    expect(say(vm, "info mem"), "urw\n(there is more");
    say(vm, "info tlb");
    g_assert_cmpuint(vm->out[HMP]->len, <, 17 << 20);
    g_assert_true(g_str_has_suffix(vm->out[HMP]->str, "than can be shown)\n"));
    vm->cpu->efer = 0;
    vm->cpu->cr4 = CR4_PSE;
    ((uint32_t *)ram)[0x1000 / 4 + 1] = 0x00400083;
    expect(say(vm, "info tlb"), "0000000000400000: 0000000000400000 --P-----W");
    vm->cpu->cr4 = CR4_PAE;
    vm->cpu->pdpte[3] = 0x3001;
    expect(say(vm, "info mem"), "00000000c0000000-00000000c0200000");
    stop(vm);
}

/* --- screens and keys -----------------------------------------------------------------------
 */

static bool draw(void *opaque, struct surface *s, bool full)
{
    g_assert_true(full);
    g_assert_true(surface_resize(s, 3, 2));
    for (unsigned i = 0; i < 6; i++)
        s->pixels[i] = 0x00010203u * (i + 1);
    return true;
}

static void test_screendump(void)
{
    struct vm *vm = start();
    char *dir = g_dir_make_tmp("mynah-mon-XXXXXX", NULL), *data;
    char *ppm = g_build_filename(dir, "a b.ppm", NULL),
         *png = g_build_filename(dir, "x.png", NULL);
    char *line = g_strdup_printf("screendump \"%s\"", ppm);
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t rgb[18];
    gsize n;

    vm->display = (struct display){.update = draw, .name = "fake"};
    g_assert_cmpstr(say(vm, line), ==, "");
    g_assert_true(g_file_get_contents(ppm, &data, &n, NULL));
    g_assert_cmpuint(n, ==, 11 + 18);
    g_assert_true(!memcmp(data, "P6\n3 2\n255\n\1\2\3\2\4\6", 17));
    g_free(data);
    g_free(line);
    line = g_strdup_printf("screendump %s -f png", png);
    g_assert_cmpstr(say(vm, line), ==, "");
    g_assert_true(png_image_begin_read_from_file(&image, png));
    g_assert_cmpuint(image.width, ==, 3);
    g_assert_cmpuint(image.height, ==, 2);
    image.format = PNG_FORMAT_RGB;
    g_assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    g_assert_cmpint(rgb[17], ==, 18);
    g_free(line);
    line = g_strdup_printf(READY "{\"execute\": \"screendump\", \"arguments\": {\"filename\": "
                                 "\"%s\", \"format\": \"gif\"}}",
                           png);
    expect(ask(vm, QMP, line), "Parameter 'format' does not accept value 'gif'");
    expect(say(vm, "screendump /nonexistent/x"), "cannot write");
    g_unlink(ppm);
    g_unlink(png);
    g_rmdir(dir);
    g_free(line);
    g_free(ppm);
    g_free(png);
    g_free(dir);
    stop(vm);
}

static GString *keys;

static void key(void *opaque, key_code code, bool down)
{
    g_string_append_printf(keys, "%c%02x ", down ? '+' : '-', code);
}

static void pass(struct vm *vm, unsigned ms)
{
    vm->now += ms * 1000000ull;
    clock_run_events(&vm->clock);
}

static void test_keys(void)
{
    struct vm *vm = start();

    keys = g_string_new(NULL);
    vm->input.key = key;
    g_assert_cmpstr(say(vm, "sendkey ctrl-alt-delete"), ==, "");
    g_assert_cmpstr(keys->str, ==, "+1d +38 +d3 ");
    say(vm, "sendkey 0x1e 10"); /* waits for its turn */
    pass(vm, 99);
    g_assert_cmpstr(keys->str, ==, "+1d +38 +d3 ");
    pass(vm, 1);
    g_assert_cmpstr(keys->str, ==, "+1d +38 +d3 -d3 -38 -1d ");
    pass(vm, 100);
    pass(vm, 10);
    g_assert_cmpstr(keys->str + 24, ==, "+1e -1e ");
    pass(vm, 100);
    g_string_truncate(keys, 0);
    expect(ask(vm, QMP,
               READY "{\"execute\": \"send-key\", \"arguments\": {\"hold-time\": 1, "
                     "\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}, "
                     "{\"type\": \"number\", \"data\": 28}]}}"),
           "{\"return\": {}}");
    pass(vm, 1);
    g_assert_cmpstr(keys->str, ==, "+1e +1c -1c -1e ");
    expect(say(vm, "sendkey nokey"), "Error: invalid parameter: nokey");
    expect(say(vm, "sendkey a 70000"), "Error: the hold time");
    expect(say(vm, "sendkey a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q"), "Error: at most");
    expect(ask(vm, QMP, "{\"execute\": \"send-key\", \"arguments\": {\"keys\": [7]}}"),
           "a key is");
    for (unsigned i = 0; i < 600; i++)
        say(vm, "sendkey a");
    expect(vm->out[HMP]->str, "too many keys");
    g_string_free(keys, TRUE);
    stop(vm);
}

static void move(void *opaque, int dx, int dy, int dz, unsigned buttons)
{
    g_string_append_printf(keys, "%d,%d,%d,%u ", dx, dy, dz, buttons);
}

static void test_input_events(void)
{
    struct vm *vm = start();

    keys = g_string_new(NULL);
    expect(say(vm, "mouse_move 1 2"), "Error: the machine has no mouse");
    vm->input.key = key;
    vm->input.move = move;
    expect(ask(vm, QMP,
               READY "{'execute': 'input-send-event', 'arguments': {'events': ["
                     "{'type': 'key', 'data': {'down': true, 'key': "
                     "{'type': 'qcode', 'data': 'a'}}}, "
                     "{'type': 'btn', 'data': {'down': true, 'button': 'left'}}, "
                     "{'type': 'rel', 'data': {'axis': 'y', 'value': -5}}, "
                     "{'type': 'btn', 'data': {'down': true, 'button': 'wheel-up'}}, "
                     "{'type': 'btn', 'data': {'down': false, 'button': 'left'}}]}}"),
           "{\"return\": {}}\r\n{\"return\": {}}");
    g_assert_cmpstr(keys->str, ==, "+1e 0,0,0,1 0,-5,0,1 0,0,-1,1 0,0,0,0 ");
    g_string_truncate(keys, 0);
    expect(ask(vm, QMP,
               "{'execute': 'input-send-event', 'arguments': {'events': ["
               "{'type': 'rel', 'data': {'axis': 'x', 'value': 1}}, {'type': 'abs'}]}}"),
           "no input device for events of type 'abs'");
    g_assert_cmpstr(keys->str, ==, "");
    say(vm, "mouse_button 6");
    say(vm, "mouse_move 3 -4 1");
    g_assert_cmpstr(keys->str, ==, "0,0,0,6 3,-4,1,6 ");
    expect(say(vm, "mouse_move 3 9999"), "Error: dy is");
    g_string_free(keys, TRUE);
    stop(vm);
}

/* --- random input ---------------------------------------------------------------------------
 */

/* Words that lead somewhere, between bytes that do not. quit, sockets and files are harmless
 * here but for names that a path could be made of. */
static const char *const pieces[] = {
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ":",
    ",",
    "\\",
    "\\u0000",
    "\\ud800",
    "execute",
    "arguments",
    "\"execute\":",
    "{\"execute\":\"",
    "\"id\":",
    "query-status",
    "human-monitor-command",
    "command-line",
    "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"",
    "\"}}",
    "\"}",
    "send-key",
    "keys",
    "stop",
    "cont",
    "inject-nmi",
    "1",
    "-1",
    "1e999",
    "99999999999999999999",
    "0x",
    "$rip",
    "$",
    "(",
    ")",
    "+",
    "/",
    "*",
    "~",
    "x",
    "xp",
    "p",
    "i",
    "o",
    "/8xg",
    "/4i",
    "/999999999b",
    "info ",
    "info mem",
    "info tlb",
    "info qtree",
    "info pci",
    "help ",
    "sendkey ",
    "ctrl-alt-",
    "gva2gpa ",
    "log none",
    "-f",
    " ",
    " ",
    " ",
    "\r",
    "\n",
    "\t",
    "\033[A",
    "\033[D",
    "\010",
    "\025",
    "true",
    "null",
    "0xcf8",
    "0xcfc",
    "0x80000000"};

static void test_fuzz(void)
{
    struct vm *vm = start();
    gint64 end = 0;
    unsigned ram_words = (4 << 20) / 8;

    ask(vm, QMP, READY);
    vm->input.key = key;
    keys = g_string_new(NULL);
    while (fuzz_more(&end)) {
        GString *text = g_string_new(NULL);

        for (unsigned n = fuzz_below(30); n; n--) {
            if (fuzz_below(8))
                g_string_append(text, pieces[fuzz_below(G_N_ELEMENTS(pieces))]);
            else
                g_string_append_c(text, (char)fuzz_below(256));
        }
        g_string_append_c(text, fuzz_below(2) ? '\r' : '}');
        for (unsigned i = 0; i < 2; i++) {
            g_string_truncate(vm->out[i], 0);
            send(vm, i, text->str, text->len);
        }
        ((uint64_t *)(void *)vm->pc->memory.ram.host)[fuzz_below(ram_words)] = fuzz_edge();
        vm->cpu->cr0 = CR0_PE | (fuzz_below(2) ? CR0_PG : 0);
        vm->cpu->cr4 = fuzz_below(2) ? CR4_PAE : CR4_PSE;
        vm->cpu->cr3 = (uint64_t)fuzz_below(1024) << 12;
        vm->cpu->efer = vm->cpu->cr4 & CR4_PAE && fuzz_below(2) ? EFER_LMA | EFER_LME : 0;
        pass(vm, fuzz_below(300));
        g_string_truncate(keys, 0);
        g_string_free(text, TRUE);
    }
    ask(vm, QMP, "\xff");
    expect(ask(vm, QMP, "{\"execute\": \"query-kvm\"}"), "\"present\": false");
    g_string_free(keys, TRUE);
    stop(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/monitor/frames", test_frames);
    g_test_add_func("/monitor/long-frame", test_long_frame);
    g_test_add_func("/monitor/expressions", test_expressions);
    g_test_add_func("/monitor/line", test_line);
    g_test_add_func("/monitor/qmp", test_qmp);
    g_test_add_func("/monitor/hmp", test_hmp);
    g_test_add_func("/monitor/page-tables", test_page_tables);
    g_test_add_func("/monitor/screendump", test_screendump);
    g_test_add_func("/monitor/keys", test_keys);
    g_test_add_func("/monitor/input-events", test_input_events);
    g_test_add_func("/monitor/fuzz", test_fuzz);
    return g_test_run();
}

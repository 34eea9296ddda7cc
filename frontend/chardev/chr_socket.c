/* SPDX-License-Identifier: MIT
 * Unix and TCP sockets. A server has one client at a time; the next one waits in the queue of
 * the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend/chardev/chr_int.h"

/* --- names ------------------------------------------------------------------------- */

static char *address_text(const struct sockaddr_storage *a, socklen_t size)
{
    char host[256], port[32];

    if (a->ss_family == AF_UNIX)
        return NULL;
    if (getnameinfo((const struct sockaddr *)a, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return g_strdup("?");
    return g_strdup_printf(a->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void name_it(struct chr *c, int fd)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
    const char *role = c->o->server ? ",server=on" : "";
    const char *state = c->connected ? "" : "disconnected:";
    char *mine, *theirs = NULL;

    if (c->o->path) {
        chr_set_filename(c, "%sunix:%s%s", state, c->o->path, role);
        return;
    }
    getsockname(fd, (struct sockaddr *)&own, &own_size);
    mine = address_text(&own, own_size);
    if (c->connected && !getpeername(fd, (struct sockaddr *)&peer, &peer_size))
        theirs = address_text(&peer, peer_size);
    if (mine)
        chr_set_filename(c, "%stcp:%s%s%s%s", state, mine, role, theirs ? " <-> " : "",
                         theirs ? theirs : "");
    else
        chr_set_filename(c, "%sunix:%s", state, role);
    g_free(mine);
    g_free(theirs);
}

/* --- sockets ----------------------------------------------------------------------- */

/* False with *e when the path does not fit. */
static bool unix_address(const struct chardev_opts *o, struct sockaddr_un *a, socklen_t *size,
                         struct err *e)
{
    size_t n = strlen(o->path), at = o->abstract;

    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n + 1 > sizeof(a->sun_path))
        return err_set(e, "the socket path '%s' is longer than %zu characters", o->path,
                       sizeof(a->sun_path) - 1);
    memcpy(a->sun_path + at, o->path, n);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return true;
}

static int open_unix(const struct chardev_opts *o, struct err *e)
{
    struct sockaddr_un a;
    socklen_t size = 0;
    int fd;

    if (!unix_address(o, &a, &size, e))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set(e, "cannot create a socket: %s", strerror(errno));
        return -1;
    }
    if (o->server && !o->abstract)
        unlink(o->path);
    if (o->server ? bind(fd, (struct sockaddr *)&a, size) || listen(fd, 1)
                  : connect(fd, (struct sockaddr *)&a, size)) {
        err_set(e, "cannot %s the socket '%s': %s", o->server ? "create" : "connect to",
                o->path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static int try_tcp(const struct chardev_opts *o, const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol), on = 1, saved;

    if (fd < 0)
        return -1;
    if (o->server)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (o->server ? !bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1)
                  : !connect(fd, a->ai_addr, a->ai_addrlen))
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* getaddrinfo() takes any number and keeps its low 16 bits. */
static bool port_too_large(const char *port)
{
    return strspn(port, "0123456789") == strlen(port) &&
           g_ascii_strtoull(port, NULL, 10) > 65535;
}

static int open_tcp(const struct chardev_opts *o, struct err *e)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
    const char *host = o->host && *o->host ? o->host : NULL;
    char plain[256];
    int fd = -1, bad;

    if (host && *host == '[' && strlen(host) < sizeof(plain) && strchr(host, ']')) {
        g_strlcpy(plain, host + 1, strcspn(host, "]"));
        host = plain;
    }
    if (port_too_large(o->port)) {
        err_set(e, "address '%s:%s': no such port", host ? host : "", o->port);
        return -1;
    }
    hints.ai_flags = o->server ? AI_PASSIVE : 0;
    if (o->server && !host)
        hints.ai_family = AF_INET;
    bad = getaddrinfo(host, o->port, &hints, &list);
    if (bad) {
        err_set(e, "address '%s:%s': %s", host ? host : "", o->port, gai_strerror(bad));
        return -1;
    }
    for (int pass = 0; pass < 2; pass++) /* IPv4 first: "localhost" is what all clients reach */
        for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
            if ((a->ai_family == AF_INET) == (pass == 0))
                fd = try_tcp(o, a);
    if (fd < 0)
        err_set(e, "cannot %s %s:%s: %s", o->server ? "listen on" : "connect to",
                host ? host : "", o->port, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

static int inherited(const struct chardev_opts *o, struct err *e)
{
    int listening = 0;
    socklen_t size = sizeof(listening);

    if (getsockopt(o->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size)) {
        err_set(e, "fd=%d is no socket: %s", o->fd, strerror(errno));
        return -1;
    }
    if (o->server != (listening != 0)) {
        err_set(e, "the socket fd=%d %s", o->fd,
                listening ? "listens: server=on is needed"
                          : "does not listen: server=off is needed");
        return -1;
    }
    fcntl(o->fd, F_SETFD, FD_CLOEXEC);
    return o->fd;
}

/* --- clients ----------------------------------------------------------------------- */

static void use(struct chr *c, int fd)
{
    int on = 1;

    if (!c->o->path)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->is_socket = true;
    c->connected = true;
    name_it(c, fd);
    chr_attach_fds(c, fd, fd);
}

static void on_client(void *opaque, short revents)
{
    struct chr *c = opaque;
    int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    loop_want(c->watch_spare, 0);
    use(c, fd);
}

static void socket_hung_up(struct chr *c)
{
    chr_detach_fds(c);
    if (c->listener < 0)
        return;
    name_it(c, c->listener);
    loop_want(c->watch_spare, POLLIN);
}

static bool wait_for_client(struct chr *c, struct err *e)
{
    int fd;

    fprintf(stderr, "mynah: waiting for a connection on %s\n", c->filename);
    do
        fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return err_set(e, "cannot accept a connection: %s", strerror(errno));
    loop_want(c->watch_spare, 0);
    use(c, fd);
    return true;
}

static bool socket_open(struct chr *c, struct err *e)
{
    const struct chardev_opts *o = c->o;
    int fd = o->path ? open_unix(o, e) : o->port ? open_tcp(o, e) : inherited(o, e);

    if (fd < 0)
        return false;
    if (!o->server) {
        use(c, fd);
        return true;
    }
    c->listener = fd;
    c->watch_spare = loop_watch(c->loop, fd, POLLIN, on_client, c);
    name_it(c, fd);
    if (o->wait && !wait_for_client(c, e))
        return false;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return true;
}

static void socket_close(struct chr *c)
{
    loop_unwatch(c->watch_spare);
    if (c->listener < 0)
        return;
    close(c->listener);
    if (c->o->path && !c->o->abstract)
        unlink(c->o->path);
}

const struct chr_kind chr_socket = {socket_open, socket_hung_up, socket_close};

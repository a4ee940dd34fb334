/*
 * Traffic for the bench `policy`: one exchange after the other, without an interpreter's noise.
 *
 *   traffic serve CPU PORT            echoes TCP and UDP; prints its two processes' numbers
 *   traffic rtt CPU ADDRESS PORT N PID...    exchanges on one connection
 *   traffic connect CPU ADDRESS PORT N PID...  connect, request, answer, end
 *   traffic udp CPU ADDRESS PORT N PID...    datagrams; the last of each 32 is answered
 *   traffic stream CPU ADDRESS PORT N PID... 64 KiB after 64 KiB on one connection, the end answered
 *
 * A client prints the nanoseconds of one: the time that it and the processes PID were on the CPU.
 * All of them share one CPU, so that the kernel's work on the way is done in their time, whoever
 * else the machine works for and however long an idle core takes to wake up.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES 64
#define WINDOW 32
#define CHUNK_BYTES (64 << 10)
#define TIMEOUT_S 5

enum { KEEP = 'k', CLOSE = 'c', SILENT = 's', ANSWER = 'a', STREAM = 't' };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity");
}

static int open_socket(int type)
{
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int one = 1;
	int fd = socket(AF_INET, type, 0);

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int bind_to(int type, int port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval forever = { 0 };
	int fd = open_socket(type);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
		fail("bind");
	return fd;
}

/* Takes what has come in one call, as a server with much to do does; answers whom wants an answer. */
static void serve_udp(int port)
{
	static char messages[WINDOW][MESSAGE_BYTES];
	struct sockaddr_in from[WINDOW];
	struct mmsghdr batch[WINDOW];
	struct iovec parts[WINDOW];
	int fd = bind_to(SOCK_DGRAM, port);

	for (;;) {
		int got;

		for (int i = 0; i < WINDOW; i++) {
			parts[i] = (struct iovec){ messages[i], MESSAGE_BYTES };
			batch[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i],
								  .msg_namelen = sizeof(from[i]),
								  .msg_iov = &parts[i],
								  .msg_iovlen = 1 } };
		}
		got = recvmmsg(fd, batch, WINDOW, MSG_WAITFORONE, NULL);
		for (int i = 0; i < got; i++) {
			if (messages[i][0] == ANSWER)
				sendmsg(fd, &batch[i].msg_hdr, 0);
		}
	}
}

/* Takes all there is, then says that it has. */
static void take_stream(int fd)
{
	static char chunk[CHUNK_BYTES];
	char end[MESSAGE_BYTES] = { STREAM };

	while (recv(fd, chunk, sizeof(chunk), 0) > 0)
		;
	if (send(fd, end, sizeof(end), MSG_NOSIGNAL) < 0)
		perror("send");
}

static void serve_one(int fd)
{
	char message[MESSAGE_BYTES];
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (recv(fd, message, sizeof(message), MSG_WAITALL) == sizeof(message)) {
		if (message[0] == STREAM) {
			take_stream(fd);
			break;
		}
		if (send(fd, message, sizeof(message), MSG_NOSIGNAL) < 0 || message[0] == CLOSE)
			break;
	}
	close(fd);
}

static void serve(int port)
{
	int fd = bind_to(SOCK_STREAM, port);
	pid_t datagrams;

	if (listen(fd, 128))
		fail("listen");
	datagrams = fork();
	if (datagrams == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve_udp(port);
	}
	printf("%d %d\n", getpid(), datagrams);
	fflush(stdout);
	for (;;) {
		int accepted = accept(fd, NULL, NULL);

		if (accepted >= 0)
			serve_one(accepted);
	}
}

static int connect_to(int type, const struct sockaddr_in *to)
{
	int fd = open_socket(type);

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		fail("connect");
	return fd;
}

static void exchange(int fd, char kind)
{
	char message[MESSAGE_BYTES] = { kind };

	if (send(fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message) ||
	    recv(fd, message, sizeof(message), MSG_WAITALL) != sizeof(message))
		fail("exchange");
}

static void rtt(const struct sockaddr_in *to, int count)
{
	int fd = connect_to(SOCK_STREAM, to);

	while (count--)
		exchange(fd, KEEP);
	close(fd);
}

static void connects(const struct sockaddr_in *to, int count)
{
	char end;

	while (count--) {
		int fd = connect_to(SOCK_STREAM, to);

		exchange(fd, CLOSE);
		if (recv(fd, &end, 1, 0) != 0)
			fail("end");
		close(fd);
	}
}

static void datagrams(const struct sockaddr_in *to, int count)
{
	char message[MESSAGE_BYTES] = { SILENT };
	int fd = connect_to(SOCK_DGRAM, to);

	for (int sent = 1; sent <= count; sent++) {
		if (sent % WINDOW == 0)
			exchange(fd, ANSWER);
		else if (send(fd, message, sizeof(message), 0) < 0)
			fail("send");
	}
	close(fd);
}

static void stream(const struct sockaddr_in *to, int count)
{
	static char chunk[CHUNK_BYTES];
	char message[MESSAGE_BYTES] = { STREAM };
	int fd = connect_to(SOCK_STREAM, to);

	if (send(fd, message, sizeof(message), 0) != sizeof(message))
		fail("begin");
	while (count--) {
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) != sizeof(chunk))
			fail("stream");
	}
	shutdown(fd, SHUT_WR);
	if (recv(fd, message, sizeof(message), MSG_WAITALL) != sizeof(message))
		fail("end of the stream");
	close(fd);
}

static double process_ns(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		fail("clock of a process");
	return used.tv_sec * 1e9 + used.tv_nsec;
}

static double used_ns(int count, char **pids)
{
	double sum = process_ns(getpid());

	for (int i = 0; i < count; i++)
		sum += process_ns(atoi(pids[i]));
	return sum;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	void (*run)(const struct sockaddr_in *, int);
	double before;
	int count;

	if (argc == 4 && !strcmp(argv[1], "serve")) {
		pin(atoi(argv[2]));
		serve(atoi(argv[3]));
	}
	if (argc < 6 || inet_pton(AF_INET, argv[3], &to.sin_addr) != 1)
		return 2;
	run = !strcmp(argv[1], "rtt")	  ? rtt :
	      !strcmp(argv[1], "connect") ? connects :
	      !strcmp(argv[1], "stream")  ? stream :
					    datagrams;
	to.sin_port = htons(atoi(argv[4]));
	count = atoi(argv[5]);
	pin(atoi(argv[2]));
	run(&to, count / 10 + 1);
	before = used_ns(argc - 6, argv + 6);
	run(&to, count);
	printf("%.1f\n", (used_ns(argc - 6, argv + 6) - before) / count);
	return 0;
}

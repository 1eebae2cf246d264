import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

import org.cometd.bayeux.server.BayeuxServer;
import org.cometd.server.BayeuxServerImpl;
import org.cometd.server.ext.AcknowledgedMessagesExtension;
import org.cometd.server.ext.BinaryExtension;
import org.cometd.server.http.jakarta.CometDServlet;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Context;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.ContextHandler;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;

/**
 * The Java server of the benchmark: says "ready PORT", answers the lines "cpu", "memory" and "settle", ends with its stdin.
 * Arguments: any of small, ack, binary, tls=KEYSTORE, http2 and lazy=MILLISECONDS.
 */
public class BenchServer {
    private static final String CHANNEL = "/chat/demo/1";
    private static final String PASSWORD = "benchmark";
    /** Longer than any run, in ms: neither a held connect nor an idle connection or thread ends in one. */
    private static final int A_RUN = 600_000;
    /** Of each pool of the small variant. */
    private static final int FEW_THREADS = 8;
    private static final int BACKLOG = 4096;
    /** The compiler rests when it worked at most so many ms in each of so many seconds. */
    private static final int REST = 30;
    private static final int RESTS = 2;
    private static final int LEAST_SECONDS = 6;
    private static final int MOST_SECONDS = 30;

    public static void main(String[] args) throws Exception {
        Set<String> flags = new TreeSet<>(List.of(args));
        boolean small = flags.contains("small");
        QueuedThreadPool threads = small ? new QueuedThreadPool(FEW_THREADS) : new QueuedThreadPool();
        threads.setIdleTimeout(A_RUN);
        Server server = new Server(threads);
        ServerConnector connector = new ServerConnector(server, protocols(valueOf(args, "tls"), flags.contains("http2")));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(BACKLOG);
        connector.setIdleTimeout(A_RUN);
        server.addConnector(connector);

        ContextHandler outer = new ContextHandler("/");
        WebSocketUpgradeHandler upgrades = WebSocketUpgradeHandler.from(server, outer);
        ServletContextHandler servlets = new ServletContextHandler("/");
        server.setHandler(outer);
        outer.setHandler(upgrades);
        upgrades.setHandler(servlets);
        CometDServlet servlet = new CometDServlet() {
            @Override
            protected BayeuxServer newBayeuxServer() {
                BayeuxServer bayeux = super.newBayeuxServer();
                bayeux.setOption(Context.class.getName(), outer.getContext());
                return bayeux;
            }
        };
        ServletHolder holder = new ServletHolder(servlet);
        holder.setInitParameter("transports", "org.cometd.server.websocket.jetty.JettyWebSocketTransport,org.cometd.server.http.JSONHttpTransport");
        holder.setInitParameter("ws.cometdURLMapping", "/cometd/*");
        holder.setInitParameter("timeout", String.valueOf(A_RUN));
        holder.setInitParameter("ws.idleTimeout", String.valueOf(A_RUN));
        if (small) {
            holder.setInitParameter("executorMaxThreads", String.valueOf(FEW_THREADS));
            holder.setInitParameter("ws.messagesPerFrame", String.valueOf(Integer.MAX_VALUE));
        }
        holder.setInitOrder(1);
        holder.setAsyncSupported(true);
        servlets.addServlet(holder, "/cometd/*");
        server.start();

        BayeuxServerImpl bayeux = (BayeuxServerImpl)servlet.getBayeuxServer();
        ((QueuedThreadPool)bayeux.getExecutor()).setIdleTimeout(A_RUN);
        if (flags.contains("ack")) {
            bayeux.addExtension(new AcknowledgedMessagesExtension());
        }
        if (flags.contains("binary")) {
            bayeux.addExtension(new BinaryExtension());
        }
        String lazy = valueOf(args, "lazy");
        if (lazy != null) {
            bayeux.createChannelIfAbsent(CHANNEL, channel -> {
                channel.setPersistent(true);
                channel.setLazyTimeout(Long.parseLong(lazy));
            });
        }
        say("ready " + connector.getLocalPort());
        answer();
    }

    private static String valueOf(String[] args, String name) {
        for (String arg : args) {
            if (arg.startsWith(name + "=")) {
                return arg.substring(name.length() + 1);
            }
        }
        return null;
    }

    private static ConnectionFactory[] protocols(String keyStore, boolean http2) {
        HttpConfiguration configuration = new HttpConfiguration();
        HttpConnectionFactory http = new HttpConnectionFactory(configuration);
        if (keyStore == null) {
            return new ConnectionFactory[] {http};
        }
        // The load asks for an address, which no certificate names.
        configuration.addCustomizer(new SecureRequestCustomizer(false));
        SslContextFactory.Server tls = new SslContextFactory.Server();
        tls.setKeyStorePath(keyStore);
        tls.setKeyStorePassword(PASSWORD);
        List<ConnectionFactory> protocols = new ArrayList<>();
        if (http2) {
            ALPNServerConnectionFactory choice = new ALPNServerConnectionFactory();
            choice.setDefaultProtocol(http.getProtocol());
            protocols.add(new SslConnectionFactory(tls, choice.getProtocol()));
            protocols.add(choice);
            protocols.add(new HTTP2ServerConnectionFactory(configuration));
        } else {
            protocols.add(new SslConnectionFactory(tls, http.getProtocol()));
        }
        protocols.add(http);
        return protocols.toArray(new ConnectionFactory[0]);
    }

    private static void answer() throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            switch (line) {
                case "cpu" -> say(String.valueOf(ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos()));
                case "memory" -> {
                    System.gc();
                    System.gc();
                    Runtime heap = Runtime.getRuntime();
                    say(residentBytes() + " " + (heap.totalMemory() - heap.freeMemory()));
                }
                case "settle" -> say("settled after " + settle() + " s");
                default -> say("? " + line);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    /** Returns when the compiler rests, or when that takes too long, with the seconds it took. */
    private static int settle() throws InterruptedException {
        int seconds = 0;
        int rests = 0;
        while (seconds < MOST_SECONDS && (seconds < LEAST_SECONDS || rests < RESTS)) {
            long before = compilationTime();
            Thread.sleep(1000);
            seconds++;
            rests = compilationTime() - before <= REST ? rests + 1 : 0;
        }
        return seconds;
    }

    private static long compilationTime() {
        return ManagementFactory.getCompilationMXBean().getTotalCompilationTime();
    }

    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("The kernel does not tell the memory");
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}

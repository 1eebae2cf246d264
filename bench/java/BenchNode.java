import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.BooleanSupplier;

import org.cometd.bayeux.server.BayeuxServer;
import org.cometd.bayeux.server.LocalSession;
import org.cometd.oort.Oort;
import org.cometd.oort.OortObject;
import org.cometd.oort.OortObjectFactories;
import org.cometd.oort.OortStringMap;
import org.cometd.oort.Seti;
import org.cometd.server.CometDServlet;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.eclipse.jetty.websocket.jakarta.server.config.JakartaWebSocketServletContainerInitializer;

/**
 * A Java node of the benchmark: it does what the lines on its stdin ask and answers each, as src/cluster/node.ts does.
 * Arguments: the channel that is observed, and "ack" or "no-ack" for the links.
 */
public class BenchNode {
    private static final int USERS_OF_SESSION = 100;

    private final BayeuxServer bayeux;
    private final Oort oort;
    private final Seti seti;
    private final OortStringMap<Object> map;
    private final List<LocalSession> sessions = new ArrayList<>();
    private final List<Waiting> waiting = new ArrayList<>();
    private int members;
    private int present;
    private int heard;

    public static void main(String[] args) throws Exception {
        Server server = new Server();
        ServerConnector http = new ServerConnector(server);
        http.setHost("127.0.0.1");
        server.addConnector(http);
        ServletContextHandler context = new ServletContextHandler();
        context.setContextPath("/");
        server.setHandler(context);
        JakartaWebSocketServletContainerInitializer.configure(context, null);
        ServletHolder holder = new ServletHolder(new CometDServlet());
        holder.setInitParameter("ws.cometdURLMapping", "/cometd/*");
        holder.setInitParameter("ws.maxMessageSize", "67108864");
        holder.setInitParameter("maxMessageSize", "67108864");
        // Clusters take turns: meanwhile nobody may be thought dead.
        holder.setInitParameter("ws.idleTimeout", "300000");
        holder.setInitOrder(1);
        holder.setAsyncSupported(true);
        context.addServlet(holder, "/cometd/*");
        server.start();
        BayeuxServer bayeux = (BayeuxServer)context.getServletContext().getAttribute(BayeuxServer.ATTRIBUTE);
        String url = "http://127.0.0.1:" + http.getLocalPort() + "/cometd";
        BenchNode node = new BenchNode(bayeux, url, args[0], args[1].equals("ack"));
        say("ready " + url);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            node.obey(line.split(" "));
        }
        Runtime.getRuntime().halt(0);
    }

    private BenchNode(BayeuxServer bayeux, String url, String channel, boolean ack) throws Exception {
        this.bayeux = bayeux;
        oort = new Oort(bayeux, url);
        oort.setSecret("bench");
        oort.setAckExtensionEnabled(ack);
        oort.addCometListener(new Oort.CometListener() {
            @Override
            public void cometJoined(Event event) {
                happened(() -> members++);
            }

            @Override
            public void cometLeft(Event event) {
                happened(() -> members--);
            }
        });
        oort.start();
        oort.observeChannel(channel);
        seti = new Seti(oort);
        seti.addPresenceListener(new Seti.PresenceListener() {
            @Override
            public void presenceAdded(Event event) {
                if (!event.isLocal()) {
                    happened(() -> {
                        present++;
                        heard++;
                    });
                }
            }

            @Override
            public void presenceRemoved(Event event) {
                if (!event.isLocal()) {
                    happened(() -> {
                        present--;
                        heard++;
                    });
                }
            }
        });
        seti.start();
        map = new OortStringMap<>(oort, "bench", OortObjectFactories.forConcurrentMap());
        map.addListener(new OortObject.Listener<ConcurrentMap<String, Object>>() {
            @Override
            public void onUpdated(OortObject.Info<ConcurrentMap<String, Object>> before, OortObject.Info<ConcurrentMap<String, Object>> after) {
                happened(() -> {
                });
            }
        });
        map.start();
    }

    private void obey(String[] words) throws Exception {
        String id = words[0];
        String what = words.length > 2 ? words[2] : "";
        switch (words[1]) {
            case "observe" -> {
                oort.observeComet(what);
                say(id);
            }
            case "members" -> when(id, () -> members == Integer.parseInt(what));
            case "stop" -> {
                seti.stop();
                oort.stop();
                say(id);
            }
            case "fill" -> fill(id, Integer.parseInt(what));
            case "equal" -> when(id, () -> hasEntries(Integer.parseInt(what)));
            case "users" -> {
                associate(0, Integer.parseInt(what));
                say(id);
            }
            case "present" -> when(id, () -> present >= Integer.parseInt(what));
            case "churn" -> churn(id, Integer.parseInt(what));
            case "heard" -> when(id, () -> heard >= Integer.parseInt(what));
            case "forget" -> {
                happened(() -> heard = 0);
                say(id);
            }
            default -> say(id + " ! A node cannot " + words[1]);
        }
    }

    private void fill(String id, int count) {
        ConcurrentMap<String, Object> entries = new ConcurrentHashMap<>();
        for (int i = 0; i < count; i++) {
            entries.put("key-" + i, "value of the entry " + i);
        }
        map.setAndShare(entries, before -> say(id));
    }

    private boolean hasEntries(int count) {
        for (OortObject.Info<ConcurrentMap<String, Object>> info : map) {
            if (!info.isLocal() && info.getObject().size() == count) {
                return true;
            }
        }
        return false;
    }

    private void associate(int first, int count) {
        for (int i = 0; i < count; i++) {
            if (i % USERS_OF_SESSION == 0) {
                LocalSession session = bayeux.newLocalSession("users");
                session.handshake();
                sessions.add(session);
            }
            seti.associate("user-" + (first + i), sessions.get(sessions.size() - 1).getServerSession());
        }
    }

    private void churn(String id, int count) {
        if (sessions.isEmpty()) {
            LocalSession session = bayeux.newLocalSession("users");
            session.handshake();
            sessions.add(session);
        }
        LocalSession session = sessions.get(0);
        for (int i = 0; i < count; i++) {
            seti.associate("guest-" + i, session.getServerSession());
            seti.disassociate("guest-" + i, session.getServerSession());
        }
        say(id);
    }

    private void happened(Runnable what) {
        List<String> answers = new ArrayList<>();
        synchronized (waiting) {
            what.run();
            for (Iterator<Waiting> all = waiting.iterator(); all.hasNext(); ) {
                Waiting one = all.next();
                if (one.condition.getAsBoolean()) {
                    all.remove();
                    answers.add(one.id);
                }
            }
        }
        answers.forEach(BenchNode::say);
    }

    private void when(String id, BooleanSupplier condition) {
        synchronized (waiting) {
            waiting.add(new Waiting(id, condition));
        }
        happened(() -> {
        });
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static class Waiting {
        private final String id;
        private final BooleanSupplier condition;

        private Waiting(String id, BooleanSupplier condition) {
            this.id = id;
            this.condition = condition;
        }
    }
}

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.util.StringJoiner;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentMap;

import org.cometd.bayeux.Message;
import org.cometd.bayeux.Promise;
import org.cometd.bayeux.client.ClientSessionChannel;
import org.cometd.bayeux.server.BayeuxServer;
import org.cometd.bayeux.server.LocalSession;
import org.cometd.bayeux.server.ServerChannel;
import org.cometd.bayeux.server.ServerMessage;
import org.cometd.bayeux.server.ServerSession;
import org.cometd.oort.Oort;
import org.cometd.oort.OortList;
import org.cometd.oort.OortLongMap;
import org.cometd.oort.OortMap;
import org.cometd.oort.OortObject;
import org.cometd.oort.OortObjectFactories;
import org.cometd.oort.OortObjectMergers;
import org.cometd.oort.OortPrimaryLong;
import org.cometd.oort.OortService;
import org.cometd.oort.OortStringMap;
import org.cometd.oort.Seti;
import org.cometd.server.DefaultSecurityPolicy;
import org.cometd.server.CometDServlet;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * A node of a cluster, of Java: it does what the lines on its stdin say, and tells on stdout what happens, in words
 * between tabs. Arguments: port (0 for any), secret, and "primary" for the node that counts. It ends when its stdin does.
 */
public class OortNode {
    private final BayeuxServer bayeux;
    private final Oort oort;
    private final Seti seti;
    private final OortStringMap<Object> map;
    private final OortLongMap<Object> longs;
    private final OortList<Object> list;
    private final OortPrimaryLong ids;
    private final Echo echo;
    private final LocalSession publisher;

    public static void main(String[] args) throws Exception {
        Server server = new Server();
        ServerConnector http = new ServerConnector(server);
        http.setHost("127.0.0.1");
        http.setPort(Integer.parseInt(args[0]));
        server.addConnector(http);
        ServletContextHandler context = new ServletContextHandler();
        context.setContextPath("/");
        server.setHandler(context);
        openWebSockets(context);
        ServletHolder holder = new ServletHolder(new CometDServlet());
        holder.setInitParameter("timeout", "5000");
        holder.setInitParameter("maxInterval", "4000");
        holder.setInitParameter("ws.cometdURLMapping", "/cometd/*");
        holder.setInitParameter("ws.maxMessageSize", "4194304");
        holder.setInitOrder(1);
        holder.setAsyncSupported(true);
        context.addServlet(holder, "/cometd/*");
        server.start();
        BayeuxServer bayeux = (BayeuxServer)context.getServletContext().getAttribute(BayeuxServer.ATTRIBUTE);
        String url = "http://127.0.0.1:" + http.getLocalPort() + "/cometd";
        OortNode node = new OortNode(bayeux, url, args[1], args.length > 2);
        tell("ready", url, node.oort.getId());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null && !line.equals("stop"); line = lines.readLine()) {
            node.obey(line.trim().split(" ", 3));
        }
        node.seti.stop();
        node.oort.stop();
        server.stop();
        System.exit(0);
    }

    private OortNode(BayeuxServer bayeux, String url, String secret, boolean primary) throws Exception {
        this.bayeux = bayeux;
        oort = new Oort(bayeux, url);
        oort.setSecret(secret);
        bayeux.setSecurityPolicy(new NodesOnly(oort));
        oort.addCometListener(new Oort.CometListener() {
            @Override
            public void cometJoined(Event event) {
                tell("joined", event.getCometURL(), event.getCometId());
            }

            @Override
            public void cometLeft(Event event) {
                tell("left", event.getCometURL(), event.getCometId());
            }
        });
        oort.start();
        seti = new Seti(oort);
        seti.start();
        seti.addPresenceListener(new Seti.PresenceListener() {
            @Override
            public void presenceAdded(Event event) {
                tell("present", event.getUserId(), event.getOortURL());
            }

            @Override
            public void presenceRemoved(Event event) {
                tell("absent", event.getUserId(), event.getOortURL());
            }
        });
        map = new OortStringMap<>(oort, "map", OortObjectFactories.forConcurrentMap());
        map.start();
        map.addListener(new OortMap.DeltaListener<>(map));
        map.addEntryListener(new OortMap.EntryListener<String, Object>() {
            @Override
            public void onPut(OortObject.Info<ConcurrentMap<String, Object>> info, OortMap.Entry<String, Object> entry) {
                tell("put", info.getOortURL(), entry.getKey(), entry.getNewValue());
            }

            @Override
            public void onRemoved(OortObject.Info<ConcurrentMap<String, Object>> info, OortMap.Entry<String, Object> entry) {
                tell("removed", info.getOortURL(), entry.getKey());
            }
        });
        longs = new OortLongMap<>(oort, "longs", OortObjectFactories.forConcurrentMap());
        longs.start();
        list = new OortList<>(oort, "list", OortObjectFactories.forConcurrentList());
        list.start();
        ids = new OortPrimaryLong(oort, "ids", primary, 100);
        ids.start();
        echo = new Echo(oort);
        echo.start();
        bayeux.createChannelIfAbsent("/chat/room", channel -> channel.setPersistent(true)).getReference()
            .addListener(new ServerChannel.MessageListener() {
                @Override
                public boolean onMessage(ServerSession from, ServerChannel channel, ServerMessage.Mutable message) {
                    tell("chat", message.getData());
                    return true;
                }
            });
        publisher = bayeux.newLocalSession("publisher");
        publisher.handshake();
    }

    private void obey(String[] words) {
        String what = words.length > 1 ? words[1] : "";
        String rest = words.length > 2 ? words[2] : "";
        switch (words[0]) {
            case "observe" -> oort.observeComet(what);
            case "deobserve" -> oort.deobserveComet(what);
            case "channel" -> oort.observeChannel(what);
            case "publish" -> bayeux.getChannel("/chat/room").publish(publisher, what, Promise.noop());
            case "associate" -> associate(what);
            case "users" -> tell("users", new TreeSet<>(seti.getUserIds()));
            case "send" -> seti.sendMessage(what, "/service/msg", rest);
            case "put" -> map.putAndShare(what, rest, null);
            case "remove" -> map.removeAndShare(what, null);
            case "find" -> tell("find", map.find(what));
            case "long-put" -> longs.putAndShare(Long.valueOf(what), rest, null);
            case "long-find" -> tell("long-find", longs.find(Long.valueOf(what)));
            case "add" -> list.addAndShare(null, what);
            case "list" -> tell("list", list.merge(OortObjectMergers.listUnion()));
            case "forward" -> echo.ask(what.equals("*") ? null : what, rest);
            case "count" -> ids.addAndGet(Long.parseLong(what), new OortPrimaryLong.Callback() {
                @Override
                public void succeeded(Long result) {
                    tell("count", result);
                }

                @Override
                public void failed(Object failure) {
                    tell("count-failed", failure);
                }
            });
            case "kill" -> Runtime.getRuntime().halt(9);
            default -> tell("unknown", words[0]);
        }
    }

    private void associate(String user) {
        LocalSession session = bayeux.newLocalSession(user);
        session.handshake();
        session.getChannel("/service/msg").addListener(new ClientSessionChannel.MessageListener() {
            @Override
            public void onMessage(ClientSessionChannel channel, Message message) {
                tell("message", user, message.getData());
            }
        });
        tell("associated", seti.associate(user, session.getServerSession()));
    }

    /** By the class of the Jetty that is there: 11 with CometD 7, 9 with CometD 5. */
    private static void openWebSockets(ServletContextHandler context) throws Exception {
        Class<?> opener;
        try {
            opener = Class.forName("org.eclipse.jetty.websocket.jakarta.server.config.JakartaWebSocketServletContainerInitializer");
        } catch (ClassNotFoundException x) {
            opener = Class.forName("org.eclipse.jetty.websocket.jsr356.server.deploy.WebSocketServerContainerInitializer");
        }
        for (Method method : opener.getMethods()) {
            Class<?>[] types = method.getParameterTypes();
            if (method.getName().equals("configure") && types.length == 2 && types[0] == ServletContextHandler.class) {
                method.invoke(null, context, null);
                return;
            }
        }
        throw new IllegalStateException("This Jetty has no way to open WebSockets");
    }

    private static synchronized void tell(Object... words) {
        StringJoiner line = new StringJoiner("\t");
        for (Object word : words) {
            line.add(String.valueOf(word));
        }
        System.out.println(line);
        System.out.flush();
    }

    /** Lets nobody in who claims to be a node and does not know the secret. */
    private static class NodesOnly extends DefaultSecurityPolicy {
        private final Oort oort;

        private NodesOnly(Oort oort) {
            this.oort = oort;
        }

        @Override
        public boolean canHandshake(BayeuxServer server, ServerSession session, ServerMessage message) {
            boolean claims = message.getExt() != null && message.getExt().containsKey("org.cometd.oort");
            return session.isLocalSession() || !claims || oort.isOortHandshake(message);
        }
    }

    private static class Echo extends OortService<Object, String> {
        private Echo(Oort oort) {
            super(oort, "echo");
        }

        private void ask(String url, Object parameter) {
            tell("asked", forward(url, parameter, "context"));
        }

        @Override
        protected Result<Object> onForward(Request request) {
            if ("boom".equals(request.getData())) {
                throw new IllegalStateException("kaput");
            }
            if ("ignore".equals(request.getData()) || request.isLocal()) {
                return Result.ignore("ignored");
            }
            return "fail".equals(request.getData()) ? Result.failure("failed") : Result.success("java:" + request.getData());
        }

        @Override
        protected void onForwardSucceeded(Object result, String context) {
            tell("succeeded", result);
        }

        @Override
        protected void onForwardFailed(Object failure, String context) {
            tell("failed", failure);
        }
    }
}

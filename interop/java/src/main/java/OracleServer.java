// A CometD 8 server to compare ours with: java OracleServer PORT [option=value ...]; it ends when its stdin does.
// Channels with a voice: /service/echo answers like a remote call, /service/kick disconnects whoever calls.
import java.io.IOException;
import java.net.InetSocketAddress;
import org.cometd.bayeux.server.BayeuxServer;
import org.cometd.bayeux.server.ServerChannel;
import org.cometd.bayeux.server.ServerMessage;
import org.cometd.bayeux.server.ServerSession;
import org.cometd.server.http.jakarta.CometDServlet;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Context;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandler;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;

public class OracleServer {
  public static void main(String[] args) throws Exception {
    Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
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
    holder.setInitParameter("transports", String.join(",",
        "org.cometd.server.websocket.jetty.JettyWebSocketTransport",
        "org.cometd.server.http.JSONHttpTransport",
        "org.cometd.server.http.JSONPHttpTransport"));
    holder.setInitParameter("ws.cometdURLMapping", "/cometd/*");
    for (int i = 1; i < args.length; i++) {
      String[] option = args[i].split("=", 2);
      holder.setInitParameter(option[0], option[1]);
    }
    holder.setInitOrder(1);
    holder.setAsyncSupported(true);
    servlets.addServlet(holder, "/cometd/*");
    server.start();
    furnish(servlet.getBayeuxServer());
    System.out.println("ready " + ((ServerConnector)server.getConnectors()[0]).getLocalPort());
    System.out.flush();
    untilStdinEnds();
    server.stop();
    System.exit(0);
  }

  private static void furnish(BayeuxServer bayeux) {
    on(bayeux, "/service/echo", (from, message) -> {
      ServerMessage.Mutable answer = bayeux.newMessage();
      answer.setChannel(message.getChannel());
      answer.setId(message.getId());
      answer.setSuccessful(true);
      answer.setData(message.getData());
      from.deliver(null, answer, org.cometd.bayeux.Promise.noop());
    });
    on(bayeux, "/service/kick", (from, message) -> from.disconnect());
  }

  private interface Handler {
    void handle(ServerSession from, ServerMessage message);
  }

  private static void on(BayeuxServer bayeux, String channel, Handler handler) {
    ServerChannel it = bayeux.createChannelIfAbsent(channel).getReference();
    it.addListener(new ServerChannel.MessageListener() {
      @Override
      public boolean onMessage(ServerSession from, ServerChannel to, ServerMessage.Mutable message) {
        handler.handle(from, message);
        return true;
      }
    });
  }

  private static void untilStdinEnds() throws IOException {
    while (System.in.read() >= 0) { }
  }
}

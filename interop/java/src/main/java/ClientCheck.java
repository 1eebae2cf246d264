// The Java client as a guest: java ClientCheck URL websocket|long-polling. One line per step, "ok name" or "FAILED name: why".
// It prints "restart" and waits for a line on stdin when the server is to be torn down and built again.
import jakarta.websocket.ContainerProvider;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.cometd.bayeux.Channel;
import org.cometd.bayeux.Message;
import org.cometd.bayeux.client.ClientSession;
import org.cometd.bayeux.client.ClientSessionChannel;
import org.cometd.client.BayeuxClient;
import org.cometd.client.http.jetty.JettyHttpClientTransport;
import org.cometd.client.transport.ClientTransport;
import org.cometd.client.websocket.jakarta.WebSocketTransport;
import org.eclipse.jetty.client.HttpClient;

public class ClientCheck {
  private static final int PATIENCE = 10;
  private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
  private final BlockingQueue<Message> handshakes = new LinkedBlockingQueue<>();
  private final BayeuxClient client;
  private int failures;

  public static void main(String[] args) throws Exception {
    HttpClient http = new HttpClient();
    http.start();
    Map<String, Object> options = new HashMap<>();
    ClientTransport transport = args[1].equals("websocket")
        ? new WebSocketTransport(options, null, ContainerProvider.getWebSocketContainer())
        : new JettyHttpClientTransport(options, http);
    ClientCheck check = new ClientCheck(new BayeuxClient(args[0], transport));
    check.run(args[1], new BufferedReader(new InputStreamReader(System.in)));
    System.exit(check.failures == 0 ? 0 : 1);
  }

  private ClientCheck(BayeuxClient client) {
    this.client = client;
    client.setOption(BayeuxClient.BACKOFF_INCREMENT_OPTION, 50L);
    client.setOption(BayeuxClient.MAX_BACKOFF_OPTION, 200L);
  }

  private void run(String transport, BufferedReader stdin) throws Exception {
    client.getChannel(Channel.META_HANDSHAKE).addListener((ClientSessionChannel.MessageListener)(channel, message) -> {
      if (message.isSuccessful()) handshakes.add(message);
    });

    step("handshake", "true", () -> successful(reply -> client.handshake(reply)));
    step("transport", transport, () -> client.getTransport().getName());
    step("connect", "true", () -> String.valueOf(client.waitFor(PATIENCE * 1000L, BayeuxClient.State.CONNECTED)));
    step("subscribe", "true", () -> subscribe("/room/a", "room"));
    step("publish", "true", () -> successful(reply -> client.getChannel("/room/a").publish("one", reply)));
    step("event", "[room /room/a one]", () -> hear(1));

    step("wildcard", "true", () -> subscribe("/room/*", "rooms"));
    step("deep wildcard", "true", () -> subscribe("/room/**", "house"));
    step("publish to wildcards", "true", () -> successful(reply -> client.getChannel("/room/b").publish("two", reply)));
    step("wildcard events", "[house /room/b two, rooms /room/b two]", () -> hear(2));

    step("subscribe to the hall", "true", () -> subscribe("/hall/x", "hall"));
    client.batch(() -> {
      for (int n = 1; n <= 5; n++) client.getChannel("/hall/x").publish("n" + n);
    });
    step("batch", "[hall /hall/x n1, hall /hall/x n2, hall /hall/x n3, hall /hall/x n4, hall /hall/x n5]", () -> hear(5));

    step("remote call", "true {question=42}", () -> {
      CompletableFuture<Message> answer = new CompletableFuture<>();
      client.remoteCall("/echo", Map.of("question", 42), answer::complete);
      Message message = answer.get(PATIENCE, TimeUnit.SECONDS);
      return message.isSuccessful() + " " + message.getData();
    });
    step("denied", "false", () -> successful(reply -> client.getChannel("/meta/foo").publish("x", reply)));

    handshakes.clear();
    System.out.println("restart");
    stdin.readLine();
    step("handshake after the restart", "true", () -> {
      Message message = handshakes.poll(PATIENCE, TimeUnit.SECONDS);
      return String.valueOf(message != null);
    });
    step("connect again", "true", () -> String.valueOf(client.waitFor(PATIENCE * 1000L, BayeuxClient.State.CONNECTED)));
    step("subscribe again", "true", () -> subscribe("/garden/x", "garden"));
    step("publish again", "true", () -> successful(reply -> client.getChannel("/garden/x").publish("back", reply)));
    step("event again", "[garden /garden/x back]", () -> hear(1));

    step("disconnect", "true", () -> successful(reply -> client.disconnect(reply)));
    step("disconnected", "true", () -> String.valueOf(client.waitFor(PATIENCE * 1000L, BayeuxClient.State.DISCONNECTED)));
  }

  private interface Step {
    String take() throws Exception;
  }

  private interface Asking {
    void ask(ClientSession.MessageListener reply);
  }

  private void step(String name, String expected, Step step) {
    String actual;
    try {
      actual = step.take();
    } catch (Exception failure) {
      actual = failure.toString();
    }
    if (expected.equals(actual)) {
      System.out.println("ok " + name);
    } else {
      failures++;
      System.out.println("FAILED " + name + ": expected " + expected + ", got " + actual);
    }
    System.out.flush();
  }

  private static String successful(Asking asking) throws Exception {
    CompletableFuture<Message> answer = new CompletableFuture<>();
    asking.ask(answer::complete);
    return String.valueOf(answer.get(PATIENCE, TimeUnit.SECONDS).isSuccessful());
  }

  private String subscribe(String channel, String ear) throws Exception {
    return successful(reply -> client.getChannel(channel)
        .subscribe((from, message) -> heard.add(ear + " " + message.getChannel() + " " + message.getData()), reply));
  }

  /** Sorted when wildcards are involved: the client serves them in any order. A batch of five must come as it was sent. */
  private String hear(int count) throws Exception {
    List<String> events = new ArrayList<>();
    while (events.size() < count) {
      String event = heard.poll(PATIENCE, TimeUnit.SECONDS);
      if (event == null) break;
      events.add(event);
    }
    List<String> sorted = new ArrayList<>(events);
    sorted.sort(null);
    return events.size() == 5 ? events.toString() : sorted.toString();
  }
}

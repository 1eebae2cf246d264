// The load of the book's chapter 11 by Java clients: java CrowdCheck URL websocket|long-polling CLIENTS ROOMS ROOMS_PER_CLIENT BATCHES BATCH_SIZE ACK.
// Each client is a member of some rooms; batches go to one room after the other, each from another client, the next when all of the one before is
// answered. Every member of a room is to hear each message once, in the order its sender sent it. Prints "ready N", then one line: "sent N refused N expected N received N repeated N disordered N".
import jakarta.websocket.ContainerProvider;
import jakarta.websocket.WebSocketContainer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.cometd.bayeux.Message;
import org.cometd.client.BayeuxClient;
import org.cometd.client.ext.AckExtension;
import org.cometd.client.http.jetty.JettyHttpClientTransport;
import org.cometd.client.websocket.jakarta.WebSocketTransport;
import org.eclipse.jetty.client.HttpClient;

public class CrowdCheck {
  private static final int PATIENCE = 30;
  private final AtomicLong refused = new AtomicLong();
  private final AtomicLong received = new AtomicLong();
  private final AtomicLong repeated = new AtomicLong();
  private final AtomicLong disordered = new AtomicLong();
  private final List<BayeuxClient> clients = new ArrayList<>();
  private final Map<String, Integer> members = new HashMap<>();

  public static void main(String[] args) throws Exception {
    HttpClient http = new HttpClient();
    http.setMaxConnectionsPerDestination(1024);
    http.start();
    WebSocketContainer sockets = ContainerProvider.getWebSocketContainer();
    int[] numbers = new int[5];
    for (int n = 0; n < 5; n++) numbers[n] = Integer.parseInt(args[n + 2]);
    CrowdCheck check = new CrowdCheck();
    for (int n = 0; n < numbers[0]; n++) {
      Map<String, Object> options = new HashMap<>();
      BayeuxClient client = new BayeuxClient(args[0], args[1].equals("websocket")
          ? new WebSocketTransport(options, null, sockets)
          : new JettyHttpClientTransport(options, http));
      if (Boolean.parseBoolean(args[7])) client.addExtension(new AckExtension());
      check.clients.add(client);
    }
    boolean isWell = check.gather(numbers[1], numbers[2]) && check.chat(numbers[1], numbers[3], numbers[4]);
    for (BayeuxClient client : check.clients) client.disconnect(PATIENCE * 1000L);
    System.exit(isWell ? 0 : 1);
  }

  /** Every client shakes hands and joins its rooms: as many as were asked for, beginning with the one of its own number. */
  private boolean gather(int rooms, int roomsPerClient) throws Exception {
    CountDownLatch joined = new CountDownLatch(clients.size() * roomsPerClient);
    for (int c = 0; c < clients.size(); c++) {
      BayeuxClient client = clients.get(c);
      List<String> own = new ArrayList<>();
      for (int r = 0; r < roomsPerClient; r++) own.add("/chat/demo/" + (c + r) % rooms);
      own.forEach(room -> members.merge(room, 1, Integer::sum));
      Map<String, Long> last = new ConcurrentHashMap<>();
      client.handshake(shaken -> {
        if (!shaken.isSuccessful()) return;
        client.batch(() -> own.forEach(room -> client.getChannel(room)
            .subscribe((channel, message) -> heard(last, message), reply -> {
              if (reply.isSuccessful()) joined.countDown();
            })));
      });
    }
    boolean isReady = joined.await(PATIENCE, TimeUnit.SECONDS);
    System.out.println("ready " + (isReady ? clients.size() : -joined.getCount()));
    return isReady;
  }

  private boolean chat(int rooms, int batches, int batchSize) throws Exception {
    long expected = 0;
    for (int b = 0; b < batches; b++) {
      CountDownLatch answered = new CountDownLatch(batchSize);
      int sender = b % clients.size();
      String room = "/chat/demo/" + b % rooms;
      BayeuxClient client = clients.get(sender);
      long first = (long)(b / clients.size()) * batchSize;
      client.batch(() -> {
        for (int m = 0; m < batchSize; m++) {
          Map<String, Object> data = Map.of("sender", sender, "number", first + m, "chat", "x".repeat(50));
          client.getChannel(room).publish(data, reply -> {
            if (!reply.isSuccessful()) refused.incrementAndGet();
            answered.countDown();
          });
        }
      });
      expected += (long)batchSize * members.getOrDefault(room, 0);
      if (!answered.await(PATIENCE, TimeUnit.SECONDS)) return false;
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE);
    while (received.get() < expected && System.nanoTime() < end) Thread.sleep(10);
    System.out.println("sent " + (long)batches * batchSize + " refused " + refused + " expected " + expected
        + " received " + received + " repeated " + repeated + " disordered " + disordered);
    return true;
  }

  private void heard(Map<String, Long> last, Message message) {
    Map<String, Object> data = message.getDataAsMap();
    long number = ((Number)data.get("number")).longValue();
    Long before = last.put(message.getChannel() + " " + data.get("sender"), number);
    if (before != null && before == number) repeated.incrementAndGet();
    if (before != null && before > number) disordered.incrementAndGet();
    received.incrementAndGet();
  }
}

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.cometd.bayeux.server.BayeuxServer;
import org.cometd.client.websocket.jakarta.WebSocketTransport;
import org.cometd.common.JettyJSONContextClient;
import org.cometd.oort.Oort;
import org.cometd.server.JettyJSONContextServer;
import org.cometd.server.http.jakarta.CometDServlet;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.ee10.websocket.jakarta.server.config.JakartaWebSocketServletContainerInitializer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.ajax.JSON;

/**
 * One CometD node of the benchmark. Arguments: its port, then the ports of the nodes that run already. It says "ready" when it
 * is linked to all of them; links go both ways, so none of the others has to be told of it. What is published below /u goes to every node, as Oort does with channels that are observed.
 */
public final class BenchNode {
    private static final String SHARED = "/u/**";
    private static final long LINKED_MS = 30_000;

    private BenchNode() {
    }

    public static void main(String[] ports) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(ports[0]));
        connector.setAcceptQueueSize(4_096);
        server.addConnector(connector);

        ServletContextHandler context = new ServletContextHandler("/");
        server.setHandler(context);
        JakartaWebSocketServletContainerInitializer.configure(context, null);
        context.addServlet(cometd(), "/cometd/*");
        server.start();

        BayeuxServer bayeux = (BayeuxServer) context.getServletContext().getAttribute(BayeuxServer.ATTRIBUTE);
        link(bayeux, ports);
        System.out.println("ready");
        server.join();
    }

    /** WebSocket only; many messages in a frame; nothing lazy, nothing acknowledged to the sender of a message but its arrival. */
    private static ServletHolder cometd() {
        ServletHolder holder = new ServletHolder("cometd", CometDServlet.class);
        holder.setInitParameter("transports", "org.cometd.server.websocket.jakarta.WebSocketTransport");
        holder.setInitParameter("ws.cometdURLMapping", "/cometd/*");
        holder.setInitParameter("ws.messagesPerFrame", "256");
        holder.setInitParameter("ws.maxMessageSize", String.valueOf(1 << 22));
        holder.setInitParameter("jsonContext", OrderedServerJson.class.getName());
        holder.setInitParameter("broadcastToPublisher", "false");
        holder.setInitParameter("validateMessageFields", "false");
        holder.setInitOrder(1);
        return holder;
    }

    private static void link(BayeuxServer bayeux, String[] ports) throws Exception {
        Oort oort = new Oort(bayeux, urlOf(ports[0]));
        oort.setSecret("bench");
        oort.setAckExtensionEnabled(false);
        oort.setBinaryExtensionEnabled(false);
        oort.setJSONContextClient(new OrderedClientJson());
        oort.setClientTransportFactories(List.of(new WebSocketTransport.Factory()));
        oort.start();
        oort.observeChannel(SHARED);
        for (int other = 1; other < ports.length; other++) {
            oort.observeComet(urlOf(ports[other]));
        }
        long deadline = System.currentTimeMillis() + LINKED_MS;
        while (oort.getKnownComets().size() < ports.length - 1) {
            if (System.currentTimeMillis() > deadline) {
                throw new IllegalStateException("linked to " + oort.getKnownComets() + " only");
            }
            Thread.sleep(20);
        }
    }

    private static String urlOf(String port) {
        return "http://127.0.0.1:" + port + "/cometd";
    }

    /** The benchmark's reader finds a message by its first field, so fields stay in their order. */
    private static final class OrderedJson extends JSON {
        @Override
        protected Map<String, Object> newMap() {
            return new LinkedHashMap<>();
        }
    }

    public static final class OrderedServerJson extends JettyJSONContextServer {
        private final JSON json = new OrderedJson();

        @Override
        public JSON getJSON() {
            return json;
        }
    }

    private static final class OrderedClientJson extends JettyJSONContextClient {
        private final JSON json = new OrderedJson();

        @Override
        public JSON getJSON() {
            return json;
        }
    }
}

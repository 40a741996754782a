/** Sends each datagram back to where it came from: `node bench/origins/udp-echo.ts <port>`. */
import { UdpDoor } from '../../src/net/datagram/udp-door.ts'

UdpDoor.open({ host: '127.0.0.1', port: Number(process.argv[2]) }, undefined, 1 << 20, {
  onDatagram: (door, bytes, from) => void door.send(bytes, from),
  onDoorError: () => {}
})

"""An OPC UA server that is not ours (python asyncua), for foreign-server.test.ts: prints its port, ends with stdin."""

import asyncio
import datetime
import logging
import sys

from asyncua import Server, ua, uamethod

logging.disable(logging.CRITICAL)


async def main():
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:" + sys.argv[1])
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:foreign")
    point = await ua_struct(server, index)
    line = await server.nodes.objects.add_object(index, "Line1")
    press = await line.add_object(index, "Press7")
    temperature = await press.add_variable(ua.NodeId("Temp", index), "Temperature", 71.3)
    await press.add_variable(index, "Cycles", ua.Variant(2**60 + 1, ua.VariantType.Int64))
    await press.add_variable(index, "Point", point)
    await press.add_variable(index, "Matrix", ua.Variant([[1, 2], [3, 4]], ua.VariantType.Int32))
    setpoint = await press.add_variable(index, "Setpoint", ua.Variant(50.0, ua.VariantType.Float))
    await setpoint.set_writable()
    recipe = await press.add_variable(index, "Recipe", ua.Variant([1, 2], ua.VariantType.UInt16))
    await recipe.set_writable()
    await press.add_method(index, "Add", add, [ua.VariantType.Int64, ua.VariantType.Int64], [ua.VariantType.Int64])
    await press.add_method(index, "Refuse", refuse, [], [])
    await press.add_method(index, "Slow", slow, [], [])
    async with server:
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while True:
            line = (await loop.run_in_executor(None, sys.stdin.readline)).strip()
            if line == "":
                return
            value, status = line.split()
            await server.write_attribute_value(
                temperature.nodeid,
                ua.DataValue(
                    ua.Variant(float(value), ua.VariantType.Double),
                    ua.StatusCode(int(status)),
                    SourceTimestamp=datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
                ),
            )


@uamethod
def add(parent, a, b):
    return ua.Variant(a + b, ua.VariantType.Int64)


@uamethod
def refuse(parent):
    return ua.StatusCode(ua.StatusCodes.BadInvalidState)


@uamethod
async def slow(parent):
    await asyncio.sleep(60)


async def ua_struct(server, index):
    from asyncua.common.structures104 import new_struct, new_struct_field

    await new_struct(
        server,
        index,
        "Point",
        [new_struct_field("X", ua.VariantType.Double), new_struct_field("Count", ua.VariantType.Int64)],
    )
    types = await server.load_data_type_definitions()
    return ua.Variant(types["Point"](X=1.5, Count=12), ua.VariantType.ExtensionObject)


asyncio.run(main())

return await Sms.Silo.SiloProgram.RunAsync(args);
